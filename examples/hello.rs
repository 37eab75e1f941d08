//! The smallest server: one hub, one method.
//!
//! `cargo run --example hello`, then in Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! const connection = new HubConnectionBuilder().withUrl("http://127.0.0.1:8080/hello").build();
//! await connection.start();
//! console.log(await connection.invoke("Greet", "Ann")); // Hello, Ann!
//! ```

use actix_signalr::{HttpServerExt, HubCallerContext, HubResult, SignalR, hub};
use actix_web::{App, HttpServer};

struct HelloHub;

#[hub]
impl HelloHub {
    async fn greet(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
        Ok(format!("Hello, {name}!"))
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let signalr = SignalR::builder().hub("/hello", HelloHub).build()?;
    HttpServer::new(move || App::new().configure(signalr.routes()))
        .for_hubs()
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}
