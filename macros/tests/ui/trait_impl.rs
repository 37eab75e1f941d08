mod runtime;

use runtime::*;

struct ChatHub;

trait Chat {
    fn send_message(&self);
}

#[hub(crate = "crate::runtime")]
impl Chat for ChatHub {
    fn send_message(&self) {}
}

fn main() {}
