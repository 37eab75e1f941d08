use actix_signalr_actors::*;
use actix_signalr_macros::*;

#[hub_client(crate = "actix_signalr_actors")]
trait ChatClient {
    async fn nothing(&self);

    async fn no_result(&self) -> bool;

    async fn does_it_ask(&self) -> HubResult;

    async fn another_error(&self) -> Result<bool, SendError>;

    async fn borrowed(&self) -> HubResult<&str>;
}

fn main() {}
