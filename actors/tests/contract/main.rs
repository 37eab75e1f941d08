//! What holds of the registry whatever it is made of: the same behaviour with one worker, with several, and with several
//! servers, joined in memory or by Redis.

#![allow(clippy::expect_used, reason = "tests may fail loudly")]

mod behaviour;
#[cfg(feature = "redis")]
#[path = "../support/redis_server.rs"]
mod redis_server;
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

        mod on_several_servers {
            $(#[actix::test]
            async fn $behaviour() {
                let network = actix_signalr_actors::testing::TestNetwork::default();
                let town = super::town::Town::on([network.server(), network.server()], 0).await;
                super::behaviour::$behaviour(&town).await;
            })*
        }

        mod on_several_servers_of_several_workers {
            $(#[actix::test]
            async fn $behaviour() {
                let network = actix_signalr_actors::testing::TestNetwork::default();
                let town = super::town::Town::on([network.server(), network.server()], 2).await;
                super::behaviour::$behaviour(&town).await;
            })*
        }

        #[cfg(feature = "redis")]
        mod on_several_servers_joined_by_redis {
            $(#[actix::test]
            async fn $behaviour() {
                let redis = super::redis_server::RedisServer::start();
                let town = super::town::Town::on([super::redis(&redis).await, super::redis(&redis).await], 2).await;
                super::behaviour::$behaviour(&town).await;
            })*
        }
    };
}

contract! {
    everybody_is_counted_and_reached
    exceptions_are_left_out_wherever_they_are
    others_are_all_but_the_caller
    one_connection_is_reached_wherever_it_is
    several_connections_are_reached
    a_user_is_reached_on_all_of_his_connections
    groups_span_all_workers
    who_is_in_two_groups_hears_it_twice
    a_connection_may_be_added_and_removed_from_anywhere
    the_messages_of_a_sender_keep_their_order
    who_has_gone_is_neither_counted_nor_reached
    nobody_is_no_error
    what_is_sent_to_the_caller_comes_before_the_answer
    a_client_is_asked_wherever_it_is
    who_goes_before_he_has_answered_fails_the_question
    who_answers_for_another_is_let_go
    a_connection_is_ended_from_anywhere
    all_kinds_of_targets_keep_the_order_of_their_sender
}

/// The backplane of one server, linked to Redis: what is sent before that need not reach other servers.
#[cfg(feature = "redis")]
async fn redis(
    server: &redis_server::RedisServer,
) -> std::sync::Arc<dyn actix_signalr_actors::backplane::Backplane> {
    use actix_signalr_actors::backplane::{Backplane, RedisBackplane};

    let backplane = RedisBackplane::new(&server.url()).expect("it is a URL");
    while !backplane.counts().is_connected() {
        actix_rt::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    std::sync::Arc::new(backplane)
}
