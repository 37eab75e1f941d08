use actix_signalr_macros::*;

/// Documented.
#[hub(crate = "actix_signalr_actors")]
pub struct ChatHub;

#[hub]
async fn send_message() {}

fn main() {}
