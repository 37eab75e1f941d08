//! What a backplane has counted, as instruments.

use crate::{
    backplane::{BackplaneCounts, Loss},
    metrics::{Data, Instrument, Point},
};

/// The counts as they are now.
pub(super) fn instruments(counts: &BackplaneCounts) -> [Instrument; 3] {
    let lost =
        Loss::ALL.map(|loss| Point { tags: vec![(LOSS, loss.tag().into())], value: counts.losses(loss) });
    let untagged = |value| vec![Point { tags: Vec::new(), value }];
    [
        Instrument {
            name: "signalr.backplane.messages.lost",
            description: "Messages that did not pass the backplane, by why.",
            unit: "{message}",
            data: Data::Counter(lost.to_vec()),
        },
        Instrument {
            name: "signalr.backplane.outages",
            description: "How often the other servers have become unreachable.",
            unit: "{outage}",
            data: Data::Counter(untagged(counts.outages())),
        },
        Instrument {
            name: "signalr.backplane.connected",
            description: "1 while the other servers can be reached, else 0.",
            unit: "{link}",
            data: Data::UpDownCounter(vec![Point {
                tags: Vec::new(),
                value: i64::from(counts.is_connected()),
            }]),
        },
    ]
}

const LOSS: &str = "signalr.backplane.loss";
