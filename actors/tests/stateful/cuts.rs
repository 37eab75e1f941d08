//! Nothing is lost and nothing comes twice, wherever the network is cut.

use std::sync::Arc;

use actix_signalr_actors::{HubOptions, HubRuntime};
use serde_json::json;

use crate::{
    Diary,
    client::{Budget, Client, Settings},
    start,
};

const CALLS: usize = 8;

/// Makes all calls, through all cuts that `budgets` has, whether or not the server notices them before the client is back;
/// hands back the client and what the hub was told.
async fn talk(
    runtime: &Arc<HubRuntime>,
    diary: &Diary,
    mut budgets: impl Iterator<Item = Budget>,
    is_noticed: bool,
) -> (Client, Vec<String>) {
    diary.0.lock().clear();
    let mut client = Client::connect(runtime, Settings::default()).await;
    client.cut_after(budgets.next().unwrap_or(Budget::NONE));
    for call in 0..CALLS {
        client.call(Some(call.to_string()), "Echo", &json!([format!("e{call}")]));
        client.call(None, "Say", &json!([format!("s{call}")]));
        if call % 3 == 2 {
            client.acknowledge();
        }
    }
    while client.heard.len() < CALLS * 2 {
        if client.hear().await {
            if client.heard.len() % 3 == 0 {
                client.acknowledge();
            }
            continue;
        }
        if is_noticed {
            client.lose();
        }
        assert!(client.come_back().await);
        client.cut_after(budgets.next().unwrap_or(Budget::NONE));
        client.send_again();
    }
    (client, diary.read())
}

fn check(client: &Client, told: &[String], context: &str) {
    let mut expected = vec!["connected".to_owned()];
    expected.extend((0..CALLS).flat_map(|call| [format!("e{call}"), format!("s{call}")]));
    assert_eq!(told, expected, "{context}");
    let of = |kind: i64| client.heard.iter().filter(move |message| message["type"] == kind);
    let results: Vec<_> = of(3).map(|message| message["result"].as_str().unwrap()).collect();
    let said: Vec<_> = of(1).map(|message| message["arguments"][0].as_str().unwrap()).collect();
    assert_eq!(results, (0..CALLS).map(|call| format!("e{call}")).collect::<Vec<_>>(), "{context}");
    assert_eq!(said, (0..CALLS).map(|call| format!("s{call}")).collect::<Vec<_>>(), "{context}");
}

#[actix::test]
async fn the_network_may_be_cut_at_any_byte_to_the_server() {
    let (runtime, diary) = start(HubOptions::default());
    for up in 1.. {
        let budget = Budget { up, down: usize::MAX };
        let (client, told) = talk(&runtime, &diary, [budget].into_iter(), true).await;
        check(&client, &told, &format!("cut after {up} bytes up"));
        if client.cuts == 0 {
            assert!(up > 1000, "all was sent before it was cut");
            break;
        }
    }
}

#[actix::test]
async fn the_network_may_be_cut_at_any_byte_to_the_client() {
    let (runtime, diary) = start(HubOptions::default());
    for down in 1.. {
        let budget = Budget { up: usize::MAX, down };
        let (client, told) = talk(&runtime, &diary, [budget].into_iter(), true).await;
        check(&client, &told, &format!("cut after {down} bytes down"));
        if client.cuts == 0 {
            assert!(down > 500, "all was received before it was cut");
            break;
        }
    }
}

#[actix::test]
async fn the_network_may_be_cut_again_and_again() {
    let (runtime, diary) = start(HubOptions::default());
    let mut cuts = 0;
    for seed in 0..300 {
        let mut random = Random(seed);
        let budgets = (0..30).map(|_| Budget { up: random.up_to(400), down: random.up_to(400) });
        let (client, told) = talk(&runtime, &diary, budgets, seed % 2 == 0).await;
        check(&client, &told, &format!("seed {seed}"));
        cuts += client.cuts;
    }
    assert!(cuts > 2000, "only {cuts} cuts");
}

/// Numbers that look random, and are the same each time.
struct Random(u64);

impl Random {
    fn up_to(&mut self, highest: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % highest + 1).unwrap()
    }
}
