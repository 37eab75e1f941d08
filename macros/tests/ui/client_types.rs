use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct Message;

#[hub_client(crate = "actix_signalr_actors")]
trait ChatClient {
    async fn receive_message(&self, name: &str, message: Message) -> Result<(), SendError>;

    async fn last_message(&self) -> HubResult<Message>;
}

fn main() {}
