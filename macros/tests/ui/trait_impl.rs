use actix_signalr_macros::*;

struct ChatHub;

trait Chat {
    fn send_message(&self);
}

#[hub(crate = "actix_signalr_actors")]
impl Chat for ChatHub {
    fn send_message(&self) {}
}

fn main() {}
