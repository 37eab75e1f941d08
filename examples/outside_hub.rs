//! Sending where there is no call: from a request handler, and from a timer.
//!
//! `cargo run --example outside_hub`, then in Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! const connection = new HubConnectionBuilder().withUrl("http://127.0.0.1:8080/news").build();
//! connection.on("News", (text) => console.log(text));
//! connection.on("Tick", (seconds) => console.log(seconds));
//! await connection.start();
//! ```
//!
//! and in a shell, for all who are connected:
//!
//! ```sh
//! curl --data 'It rains.' http://127.0.0.1:8080/publish
//! ```

use std::time::Duration;

use actix_signalr::{HttpServerExt, Hub, HubContext, HubDescriptor, SignalR};
use actix_web::{
    App, HttpResponse, HttpServer, Responder, error::ErrorInternalServerError, post, rt, web::Data,
};

/// Clients only listen here: there is nothing to call.
struct NewsHub;

impl Hub for NewsHub {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

/// `routes()` has put the context of each hub into the application's data.
#[post("/publish")]
async fn publish(news: Data<HubContext<NewsHub>>, text: String) -> actix_web::Result<impl Responder> {
    news.clients().all().send("News", (text,)).await.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::NoContent())
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let signalr = SignalR::builder().hub("/news", NewsHub).build()?;
    if let Some(news) = signalr.hub_context::<NewsHub>() {
        rt::spawn(tick(news));
    }
    HttpServer::new(move || App::new().configure(signalr.routes()).service(publish))
        .for_hubs()
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}

/// Counts the seconds, for as long as the program runs.
async fn tick(news: HubContext<NewsHub>) {
    let mut every_second = rt::time::interval(Duration::from_secs(1));
    for seconds in 0_u64.. {
        every_second.tick().await;
        if let Err(err) = news.clients().all().send("Tick", (seconds,)).await {
            eprintln!("the tick was not sent: {err}");
        }
    }
}
