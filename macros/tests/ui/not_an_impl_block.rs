mod runtime;

use runtime::*;

/// Documented.
#[hub(crate = "crate::runtime")]
pub struct ChatHub;

#[hub]
async fn send_message() {}

fn main() {}
