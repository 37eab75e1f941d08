//! Streams: from the server to the browser until it has enough, and from the browser to the server.
//!
//! `cargo run --example streaming`, then open http://127.0.0.1:8080. Another address goes behind `--`:
//! `cargo run --example streaming -- 127.0.0.1:9000`.

use std::{
    env, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_signalr::{
    ClientStream, HttpServerExt, HubCallerContext, HubError, HubResult, HubStream, SignalR, hub,
};
use actix_web::{App, HttpResponse, HttpServer, rt::time::sleep, web};
use futures::{StreamExt, stream};
use serde::Serialize;

#[derive(Default)]
struct StreamHub {
    open: Arc<AtomicUsize>,
}

#[hub]
impl StreamHub {
    /// The squares of 1, 2, 3 and so on, one every `pause` milliseconds. It would go on for long: when the browser has
    /// enough, the stream is dropped, and with it whatever it holds.
    async fn squares(&self, _ctx: HubCallerContext, pause: u64) -> HubResult<HubStream<Square>> {
        if !(10..=10_000).contains(&pause) {
            return Err(HubError::new("the pause is 10 to 10000 milliseconds"));
        }
        let open = Open::new(&self.open);
        let squares = stream::iter(1_u64..=1_000_000).then(move |of| {
            let _held_until_the_end = &open;
            async move {
                sleep(Duration::from_millis(pause)).await;
                Square { of, square: of * of }
            }
        });
        Ok(HubStream::of(squares))
    }

    /// Adds up what the browser sends, telling it the sum so far, and answers with the sum when it has sent all.
    async fn sum(&self, ctx: HubCallerContext, mut numbers: ClientStream<f64>) -> HubResult<f64> {
        let _held_until_the_end = Open::new(&self.open);
        let mut sum = 0.0;
        while let Some(number) = numbers.next().await {
            sum += number?;
            ctx.clients().caller().send("SumSoFar", (sum,)).await?;
        }
        Ok(sum)
    }

    /// How many streams are open, of all browsers.
    async fn open_streams(&self, _ctx: HubCallerContext) -> HubResult<usize> {
        Ok(self.open.load(Ordering::Relaxed))
    }
}

#[derive(Serialize)]
struct Square {
    of: u64,
    square: u64,
}

/// Counts a stream for as long as it is there.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let signalr = SignalR::builder().hub("/streams", StreamHub::default()).build()?;
    let server = HttpServer::new(move || {
        App::new()
            .configure(signalr.routes())
            .route("/", web::get().to(async || HttpResponse::Ok().content_type("text/html").body(PAGE)))
            .route("/signalr.js", web::get().to(async || HttpResponse::Ok().body(CLIENT)))
    })
    .for_hubs()
    .shutdown_timeout(1)
    .bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await
}

/// The official client.
const CLIENT: &str = include_str!("chat/vendor/signalr.min.js");

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Streams</title>
<link rel="icon" href="data:,">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
  input { width: 5rem }
  output { display: block; min-height: 1.5em }
</style>

<h1>Streams</h1>

<h2>From the server</h2>
<p>A square every <input id="pause" type="number" value="300" min="10" max="10000"> ms
  <button id="start">Start</button> <button id="cancel" disabled>Cancel</button></p>
<output id="squares"></output>

<h2>To the server</h2>
<p><input id="number" type="number" value="1" step="any"> <button id="add">Add</button>
  <button id="finish" disabled>That was all</button></p>
<output id="sum"></output>

<p>Open streams on the server: <output id="open" style="display: inline">?</output></p>

<script src="signalr.js"></script>
<script type="module">
  const $ = (id) => document.getElementById(id);
  const connection = new signalR.HubConnectionBuilder().withUrl('streams').withAutomaticReconnect().build();
  const showOpen = async () => { $('open').textContent = await connection.invoke('OpenStreams'); };

  let squares = null; // what is running, to be cancelled
  const showRunning = (running) => { $('start').disabled = running; $('cancel').disabled = !running; };
  $('start').onclick = () => {
    showRunning(true);
    squares = connection.stream('Squares', Number($('pause').value)).subscribe({
      next: ({ of, square }) => { $('squares').textContent = `${of}² = ${square}`; },
      error: (err) => { $('squares').textContent = err.message; showRunning(false); },
      complete: () => { $('squares').textContent += ', the end'; showRunning(false); },
    });
  };
  $('cancel').onclick = () => {
    squares.dispose(); // tells the server to stop
    $('squares').textContent += ', cancelled';
    showRunning(false);
  };

  let numbers = null; // what is being uploaded
  $('add').onclick = () => {
    if (!numbers) {
      const upload = numbers = new signalR.Subject();
      connection.invoke('Sum', upload)
        .then((sum) => { $('sum').textContent = `The sum is ${sum}.`; })
        .catch((err) => { $('sum').textContent = err.message; })
        .finally(() => {
          if (numbers === upload) numbers = null;
          $('finish').disabled = true;
        });
      $('finish').disabled = false;
    }
    numbers.next(Number($('number').value));
  };
  $('finish').onclick = () => numbers?.complete();
  connection.on('SumSoFar', (sum) => { $('sum').textContent = `${sum} so far`; });

  await connection.start();
  // A stream is let go a moment after it is cancelled, and other browsers have some too: so this is asked again and again.
  setInterval(() => { if (connection.state === 'Connected') showOpen(); }, 300);
</script>
"#;
