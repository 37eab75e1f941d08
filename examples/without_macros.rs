//! A hub without `#[hub]`: what the attribute writes, written by hand.
//!
//! `cargo run --example without_macros --no-default-features`, then in Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! const connection = new HubConnectionBuilder().withUrl("http://127.0.0.1:8080/chat").build();
//! connection.on("Joined", (id) => console.log(`${id} has come`));
//! connection.on("ReceiveMessage", (text) => console.log(text));
//! await connection.start();
//! await connection.invoke("SendMessage", "hello");
//! ```

use actix_signalr::{HttpServerExt, Hub, HubCallerContext, HubDescriptor, HubResult, SendError, SignalR};
use actix_web::{App, HttpServer};

struct ChatHub;

impl ChatHub {
    async fn send_message(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        ctx.clients().all().send("ReceiveMessage", (text,)).await
    }

    /// Not described below, so clients cannot call it.
    async fn announce(&self, ctx: &HubCallerContext) -> Result<(), SendError> {
        ctx.clients().others().send("Joined", (ctx.connection_id(),)).await
    }
}

impl Hub for ChatHub {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("SendMessage", Self::send_message);
        // With `AuthorizeData` from the same crate, what `#[authorize]` does:
        // hub.authorize(AuthorizeData::authenticated());
        // hub.method("BanUser", Self::ban_user).authorize(AuthorizeData::policy("DomainRestricted"));
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        self.announce(&ctx).await?;
        Ok(())
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let signalr = SignalR::builder().hub("/chat", ChatHub).build()?;
    HttpServer::new(move || App::new().configure(signalr.routes()))
        .for_hubs()
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}
