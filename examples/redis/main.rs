//! Several servers as one, over Redis.
//!
//! With a Redis on this machine (`apt install redis-server`), two servers:
//!
//! ```sh
//! cargo run --example redis --features redis -- 127.0.0.1:8081 127.0.0.1:8082
//! ```
//!
//! then in Node, a client of each:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! const [ann, bob] = [8081, 8082].map((port) => new HubConnectionBuilder().withUrl(`http://127.0.0.1:${port}/chat`).build());
//! for (const client of [ann, bob]) client.on("Said", (text, server) => console.log(`${text} (said on ${server})`));
//! await Promise.all([ann.start(), bob.start()]);
//! await ann.invoke("Say", "hello"); // both hear it
//! ```
//!
//! `REDIS_URL` names another Redis. `docker-compose.yml` beside this file has the same behind a load balancer, on port 8080.

use actix_signalr::{HttpServerExt, HubCallerContext, SendError, SignalR, backplane::RedisBackplane, hub};
use actix_web::{App, HttpServer};

struct ChatHub {
    /// The address of the server.
    address: String,
}

#[hub]
impl ChatHub {
    async fn say(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        ctx.clients().all().send("Said", (text, &self.address)).await
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let redis = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let mut addresses: Vec<String> = std::env::args().skip(1).collect();
    if addresses.is_empty() {
        addresses.push("127.0.0.1:8080".to_owned());
    }
    // Each of them would do as well in a process, or on a machine, of its own.
    let servers = addresses.into_iter().map(|address| serve(address, &redis));
    futures::future::try_join_all(servers).await.map(drop)
}

async fn serve(address: String, redis: &str) -> std::io::Result<()> {
    let signalr = SignalR::builder()
        .backplane(RedisBackplane::new(redis)?)
        .hub("/chat", ChatHub { address: address.clone() })
        .build()?;
    let routes = signalr.clone();
    let server = HttpServer::new(move || App::new().configure(routes.routes()))
        .for_hubs()
        .disable_signals()
        .bind(&address)?;
    println!("listening on http://{address}");
    signalr.run(server.run()).await
}
