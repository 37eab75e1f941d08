//! Filters: code around every call, to measure it, to change what it is called with, or to answer in its place.
//!
//! `cargo run --example filters`, then open http://127.0.0.1:8080. Another address goes behind `--`:
//! `cargo run --example filters -- 127.0.0.1:9000`.

use std::{
    env, io,
    time::{Duration, Instant},
};

use actix_signalr::{
    HttpServerExt, HubAnswer, HubCallerContext, HubError, HubFilter, HubInvocation, HubResult, HubRoutes,
    NextCall, NextHook, SignalR, hub,
};
use actix_web::{App, HttpResponse, HttpServer, rt::time::sleep, web};

struct Talk;

#[hub]
impl Talk {
    /// Says it back.
    async fn say(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(format!("You said: {text}"))
    }

    /// Says it back after a while.
    async fn say_slowly(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        sleep(Duration::from_millis(400)).await;
        Ok(format!("You said, slowly: {text}"))
    }
}

/// Tells the page how long each of its calls has taken, and prints who comes and goes.
struct Stopwatch;

impl HubFilter for Stopwatch {
    async fn invoke_method(&self, call: HubInvocation, next: NextCall<'_>) -> HubResult<HubAnswer> {
        let (caller, method, began) = (call.ctx.clients().caller(), call.method.clone(), Instant::now());
        let answer = next.run(call).await;
        caller.send("Took", (&*method, began.elapsed().as_millis(), answer.is_ok())).await?;
        answer
    }

    async fn on_connected(&self, ctx: HubCallerContext, next: NextHook<'_>) -> HubResult {
        println!("{} is here", ctx.connection_id());
        next.run(ctx, None).await
    }

    async fn on_disconnected(
        &self,
        ctx: HubCallerContext,
        error: Option<HubError>,
        next: NextHook<'_>,
    ) -> HubResult {
        println!("{} has gone", ctx.connection_id());
        next.run(ctx, error).await
    }
}

/// Keeps the tone: changes some words, and does not let shouting through to the hub at all.
struct Manners;

impl HubFilter for Manners {
    async fn invoke_method(&self, mut call: HubInvocation, next: NextCall<'_>) -> HubResult<HubAnswer> {
        if let Some(text) = call.arguments.at_mut::<String>(0) {
            if text.is_empty() {
                return Err(HubError::new("say something"));
            }
            if text.chars().any(char::is_alphabetic) && !text.chars().any(char::is_lowercase) {
                return next.answer(&"No need to shout.");
            }
            *text = text.replace("damn", "d***");
        }
        next.run(call).await
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let signalr = SignalR::builder()
        // Around all hubs, and so outside of what stands around this one.
        .filter(Stopwatch)
        .hub_routes(HubRoutes::new(Talk).filter(Manners).route("/talk", Default::default()))
        .build()?;
    let routes = signalr.clone();
    let server = HttpServer::new(move || {
        App::new()
            .configure(routes.routes())
            .route("/", web::get().to(async || HttpResponse::Ok().content_type("text/html").body(PAGE)))
            .route("/signalr.js", web::get().to(async || HttpResponse::Ok().body(CLIENT)))
    })
    .for_hubs()
    .disable_signals()
    .shutdown_timeout(1)
    .bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    signalr.run(server.run()).await
}

/// The official client.
const CLIENT: &str = include_str!("chat/vendor/signalr.min.js");

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Filters</title>
<link rel="icon" href="data:,">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
  input { width: 16rem; max-width: 60% }
  output { display: block; min-height: 1.5em }
</style>

<h1>Filters</h1>
<p>Say something, something with <i>damn</i> in it, something IN CAPITALS, or nothing.</p>
<form>
  <input id="text" value="damn, it works" autocomplete="off" aria-label="Text">
  <button value="Say">Say</button> <button value="SaySlowly">Say slowly</button>
</form>
<output id="answer"></output>
<output id="took"></output>

<script src="signalr.js"></script>
<script type="module">
  const $ = (id) => document.getElementById(id);
  const connection = new signalR.HubConnectionBuilder().withUrl('talk').withAutomaticReconnect().build();
  connection.on('Took', (method, milliseconds, isWell) => {
    $('took').textContent = `${method} took ${milliseconds} ms${isWell ? '' : ' and failed'}.`;
  });
  document.querySelector('form').onsubmit = async (event) => {
    event.preventDefault();
    try {
      $('answer').textContent = await connection.invoke(event.submitter.value, $('text').value);
    } catch (err) {
      $('answer').textContent = err.message;
    }
  };
  await connection.start();
</script>
"#;
