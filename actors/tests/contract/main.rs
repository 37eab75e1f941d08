//! What holds of the registry whatever it is made of: the same behaviour with one worker and with several.

mod behaviour;
mod town;

/// One test for each behaviour and arrangement.
macro_rules! contract {
    ($($behaviour:ident)*) => {
        mod on_the_thread_of_the_test {
            $(#[actix::test]
            async fn $behaviour() {
                super::behaviour::$behaviour(&super::town::Town::of(0).await).await;
            })*
        }

        mod on_one_worker {
            $(#[actix::test]
            async fn $behaviour() {
                super::behaviour::$behaviour(&super::town::Town::of(1).await).await;
            })*
        }

        mod on_several_workers {
            $(#[actix::test]
            async fn $behaviour() {
                super::behaviour::$behaviour(&super::town::Town::of(3).await).await;
            })*
        }
    };
}

contract! {
    everybody_is_counted_and_reached
    exceptions_are_left_out_wherever_they_are
    others_are_all_but_the_caller
    one_connection_is_reached_wherever_it_is
    several_connections_are_reached_once_each
    a_user_is_reached_on_all_of_his_connections
    groups_span_all_workers
    who_is_in_two_groups_hears_it_twice
    a_connection_may_be_added_and_removed_from_anywhere
    the_messages_of_a_sender_keep_their_order
    who_has_gone_is_neither_counted_nor_reached
    nobody_is_no_error
    what_is_sent_to_the_caller_comes_before_the_answer
}
