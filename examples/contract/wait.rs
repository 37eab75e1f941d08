//! Waiting as the contract's methods do it.

use std::time::Duration;

use actix_signalr::HubError;
use actix_web::rt::time::sleep;
use futures::future::{Either, pending, select};

/// Waits so many milliseconds, or for ever where it is -1; whether nothing ended it before.
pub(crate) async fn wait(ms: i32, end: impl Future<Output = ()>) -> Result<bool, HubError> {
    let time = async {
        match u64::try_from(ms) {
            // That is over before anything else has its turn.
            Ok(0) => {}
            Ok(ms) => sleep(Duration::from_millis(ms)).await,
            Err(_) => pending().await,
        }
    };
    if ms < -1 {
        return Err(HubError::internal("ArgumentOutOfRangeException", NEGATIVE));
    }
    let (time, end) = (std::pin::pin!(time), std::pin::pin!(end));
    Ok(matches!(select(time, end).await, Either::Left(_)))
}

const NEGATIVE: &str = "The value needs to be either -1 (signifying an infinite timeout), 0 or a positive integer. (Parameter 'millisecondsDelay')";
