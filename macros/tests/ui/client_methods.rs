use actix_signalr_actors::*;
use actix_signalr_macros::*;

#[hub_client(crate = "actix_signalr_actors")]
trait ChatClient {
    fn not_async(&self) -> Result<(), SendError>;

    async fn without_receiver(text: String) -> Result<(), SendError>;

    async fn exclusive(&mut self) -> Result<(), SendError>;

    async fn with_a_body(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(&self, text: String) -> Result<(), SendError>;

    async fn invoke(&self) -> HubResult<bool>;

    async fn receive_message(&self) -> Result<(), SendError>;

    #[hub_method(name = "receivemessage")]
    async fn receive(&self) -> Result<(), SendError>;

    #[authorize]
    async fn guarded(&self) -> Result<(), SendError>;

    async fn attributed(&self, #[cfg(all())] text: String) -> Result<(), SendError>;

    const LIMIT: usize = 3;
}

fn main() {}
