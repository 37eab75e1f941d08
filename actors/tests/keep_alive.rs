//! Pings of the server, and clients that fall silent, on a clock of the test's own.

use std::time::Duration;

use actix_signalr_actors::{
    Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult,
    testing::{ConnectError, TestClient, TestHub, user},
};
use futures::FutureExt;
use tokio::{
    sync::mpsc,
    time::{self, Instant},
};

struct Quiet {
    ended: mpsc::UnboundedSender<Option<String>>,
}

impl Quiet {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }

    async fn sleep(&self, _ctx: HubCallerContext, seconds: u64) -> HubResult {
        time::sleep(Duration::from_secs(seconds)).await;
        Ok(())
    }
}

impl Hub for Quiet {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("Sleep", Self::sleep);
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        let _ = self.ended.send(error.map(|err| err.to_string()));
        Ok(())
    }
}

type Ends = mpsc::UnboundedReceiver<Option<String>>;

fn start(options: HubOptions) -> (TestHub<Quiet>, Ends) {
    time::pause();
    let (ended, ends) = mpsc::unbounded_channel();
    (TestHub::builder(Quiet { ended }).options(options).start(), ends)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets the time go by, second for second, and says in which seconds a ping came.
async fn pings(client: &TestClient, until: u64) -> Vec<u64> {
    let mut pings = Vec::new();
    for second in 1..=until {
        time::sleep(seconds(1)).await;
        while let Some(record) = client.next_record().now_or_never().flatten() {
            assert_eq!(record, r#"{"type":6}"#);
            pings.push(second);
        }
    }
    pings
}

#[actix::test]
async fn a_client_is_pinged_at_its_interval() {
    let (hub, _ends) = start(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    let pings = pings(&ann, 50).await;
    assert_eq!(pings.len(), 3, "{pings:?}");
    assert!((15..=16).contains(&pings[0]), "{pings:?}");
    assert!(pings.windows(2).all(|pair| (15..=16).contains(&(pair[1] - pair[0]))), "{pings:?}");
}

#[actix::test]
async fn a_short_interval_is_kept_from_the_beginning() {
    let (hub, _ends) = start(HubOptions::default().keep_alive_interval(seconds(5)));
    let ann = hub.connect(user("ann")).await;
    let pings = pings(&ann, 20).await;
    assert!((5..=6).contains(&pings[0]), "{pings:?}");
}

#[actix::test]
async fn other_traffic_does_not_put_a_ping_off() {
    let (hub, _ends) = start(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    for _ in 0..16 {
        time::sleep(seconds(1)).await;
        ann.invoke::<String>("Echo", ("x",)).await.unwrap();
    }
    assert_eq!(ann.next_record().await.as_deref(), Some(r#"{"type":6}"#));
}

#[actix::test]
async fn a_ping_is_not_answered() {
    let (hub, _ends) = start(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    ann.send_record(r#"{"type":6}"#).await;
    ann.send_record(r#"{"type":1,"invocationId":"1","target":"Echo","arguments":["x"]}"#).await;
    assert_eq!(ann.next_record().await.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"x"}"#));
}

#[actix::test]
async fn a_client_that_never_pings_may_be_silent() {
    let (hub, mut ends) = start(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    time::sleep(seconds(1000)).await;
    assert_eq!(ann.invoke("Echo", ("x",)).await, Ok("x".to_owned()));
    assert!(ends.try_recv().is_err());
}

/// Pings once, and says after how many seconds the connection was over.
async fn seconds_until_given_up(hub: &TestHub<Quiet>, ends: &mut Ends) -> (u64, Option<String>, TestClient) {
    let ann = hub.connect(user("ann")).await;
    time::sleep(seconds(3)).await;
    ann.send_record(r#"{"type":6}"#).await;
    let pinged = Instant::now();
    let ended = time::timeout(seconds(5000), ends.recv()).await;
    let Ok(Some(error)) = ended else { panic!("the connection goes on") };
    (pinged.elapsed().as_secs(), error, ann)
}

const TIMED_OUT: &str = "Client hasn't sent a message/ping within the configured ClientTimeoutInterval.";

#[actix::test]
async fn a_client_that_stops_pinging_is_given_up_and_may_come_back() {
    let (hub, mut ends) = start(HubOptions::default().detailed_errors(true));
    let (after, error, ann) = seconds_until_given_up(&hub, &mut ends).await;
    assert!((30..=31).contains(&after), "{after}");
    assert_eq!(error.as_deref(), Some(TIMED_OUT));
    let closed = ann.disconnected().await;
    let told = format!("Connection closed with an error. OperationCanceledException: {TIMED_OUT}");
    assert_eq!((closed.error, closed.allow_reconnect), (Some(told), true));
}

#[actix::test]
async fn a_timeout_shorter_than_the_interval_is_kept() {
    let options =
        HubOptions::default().keep_alive_interval(seconds(1000)).client_timeout_interval(seconds(10));
    let (hub, mut ends) = start(options);
    let (after, error, _ann) = seconds_until_given_up(&hub, &mut ends).await;
    assert!((10..=11).contains(&after), "{after}");
    assert_eq!(error.as_deref(), Some(TIMED_OUT));
}

#[actix::test]
async fn pings_keep_a_connection_alive() {
    let (hub, mut ends) = start(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    for _ in 0..10 {
        ann.send_record(r#"{"type":6}"#).await;
        time::sleep(seconds(25)).await;
    }
    assert!(ends.try_recv().is_err());
    assert_eq!(ann.invoke("Echo", ("x",)).await, Ok("x".to_owned()));
}

#[actix::test]
async fn bytes_of_a_record_that_never_ends_do_not_keep_a_connection_alive() {
    let (hub, mut ends) = start(HubOptions::default().detailed_errors(true));
    let ann = hub.connect(user("ann")).await;
    ann.send_record(r#"{"type":6}"#).await;
    for _ in 0..29 {
        ann.send_bytes("{").await;
        time::sleep(seconds(1)).await;
    }
    assert!(ends.try_recv().is_err());
    time::sleep(seconds(2)).await;
    assert_eq!(ends.try_recv(), Ok(Some(TIMED_OUT.to_owned())));
}

#[actix::test]
async fn a_long_record_that_gets_on_keeps_a_connection_alive() {
    let (hub, mut ends) = start(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    ann.send_record(r#"{"type":6}"#).await;
    ann.send_bytes(r#"{"type":1,"invocationId":"1","target":"Echo","arguments":[""#).await;
    for _ in 0..5 {
        time::sleep(seconds(25)).await;
        ann.send_bytes("x".repeat(4096)).await;
    }
    ann.send_bytes("\"]}\u{1e}").await;
    let mut answer = ann.next_record().await.unwrap();
    while answer == r#"{"type":6}"# {
        answer = ann.next_record().await.unwrap();
    }
    assert!(answer.contains("\"result\""), "{answer}");
    assert!(ends.try_recv().is_err());
}

#[actix::test]
async fn silence_counts_only_while_the_server_reads() {
    let (hub, mut ends) = start(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    ann.send_record(r#"{"type":6}"#).await;
    // The second call waits for the first, so that what is behind it is not read.
    ann.send_bytes(
        "{\"type\":1,\"target\":\"Sleep\",\"arguments\":[100]}\x1e{\"type\":1,\"target\":\"Sleep\",\"arguments\":[1]}\x1e",
    )
    .await;
    ann.send_bytes("{\"type\":1,\"invocationId\":\"x\",\"target\":\"Echo\",\"arguments\":[\"x\"]}\x1e").await;
    time::sleep(seconds(105)).await;
    assert!(ends.try_recv().is_err());
    assert_eq!(ann.invoke("Echo", ("y",)).await, Ok("y".to_owned()));
}

#[actix::test]
async fn silence_does_not_count_while_a_call_waits_for_another() {
    let (hub, mut ends) = start(HubOptions::default());
    for is_one_read in [true, false] {
        let ann = hub.connect(user("ann")).await;
        ann.send_record(r#"{"type":6}"#).await;
        let calls = [100, 1]
            .map(|seconds| format!("{{\"type\":1,\"target\":\"Sleep\",\"arguments\":[{seconds}]}}\x1e"));
        if is_one_read {
            ann.send_bytes(calls.concat()).await;
        } else {
            for call in calls {
                ann.send_bytes(call).await;
                time::sleep(seconds(1)).await;
            }
        }
        time::sleep(seconds(95)).await;
        assert!(ends.try_recv().is_err(), "in one read: {is_one_read}");
        time::sleep(seconds(40)).await;
        assert_eq!(ends.try_recv(), Ok(Some(TIMED_OUT.to_owned())), "then it does");
    }
}

#[actix::test]
async fn who_does_not_shake_hands_in_time_is_told_so() {
    let (hub, _ends) = start(HubOptions::default());
    let client = hub.client(user("ann")).open().await.unwrap();
    time::sleep(seconds(14)).await;
    assert!(client.next_record().now_or_never().is_none());
    time::sleep(seconds(2)).await;
    assert_eq!(client.next_record().await.as_deref(), Some(r#"{"error":"Handshake was canceled."}"#));
    client.disconnected().await;
}

#[actix::test]
async fn a_handshake_that_comes_byte_by_byte_has_no_more_time() {
    let options = HubOptions::default().handshake_timeout(seconds(2)).keep_alive_interval(seconds(1));
    let (hub, _ends) = start(options);
    let client = hub.client(user("ann")).open().await.unwrap();
    for byte in "{\"protocol\":".chars() {
        client.send_bytes(byte.to_string()).await;
        time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(client.next_record().await.as_deref(), Some(r#"{"error":"Handshake was canceled."}"#));
    assert!(matches!(hub.try_connect(user("ann")).await, Ok(_) | Err(ConnectError::Ended)));
}

#[actix::test]
async fn a_client_whose_credentials_expire_is_sent_away_and_may_come_back() {
    let (hub, mut ends) = start(HubOptions::default());
    let client = hub.client(user("ann")).expires_in(seconds(5)).connect().await;
    time::sleep(seconds(4)).await;
    assert_eq!(client.next_record().now_or_never(), None);
    time::sleep(seconds(2)).await;
    assert_eq!(client.next_record().await.as_deref(), Some(r#"{"type":7,"allowReconnect":true}"#));
    assert_eq!(client.next_record().await, None);
    assert_eq!(ends.recv().await, Some(None));
}

#[actix::test]
async fn a_client_that_comes_with_expired_credentials_is_sent_away_within_a_second_or_two() {
    let (hub, _ends) = start(HubOptions::default());
    let client = hub.client(user("ann")).expires_in(seconds(0)).open().await.unwrap();
    time::sleep(seconds(2)).await;
    assert_eq!(client.next_record().await, None);
}
