use actix_signalr_macros::*;

#[hub_client(crate = "actix_signalr_actors")]
struct ChatClient;

#[hub_client(crate = "actix_signalr_actors")]
impl ChatClient {}

#[hub_client(name = "Chat")]
trait Named {}

#[hub_client(crate = "actix_signalr_actors")]
#[hub_method(name = "Chat")]
trait More<T>: Clone
where
    T: Send,
{
}

fn main() {}
