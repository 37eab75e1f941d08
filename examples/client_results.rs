//! Client results: the server asks the browser a question, and goes on with its answer.
//!
//! `cargo run --example client_results`, then open http://127.0.0.1:8080, best in two windows. Another address goes
//! behind `--`: `cargo run --example client_results -- 127.0.0.1:9000`.

use std::{collections::BTreeSet, env, io, time::Duration};

use actix_signalr::{
    HttpServerExt, HubCallerContext, HubError, HubResult, SendError, SignalR, hub, hub_client,
};
use actix_web::{App, HttpResponse, HttpServer, rt::time::timeout, web};
use parking_lot::Mutex;

/// What the page can be told and asked.
#[hub_client]
trait Page {
    /// These files are there now.
    async fn show_files(&self, files: &BTreeSet<String>) -> Result<(), SendError>;

    /// Has the person decide. This one has an answer, so it is for one page alone: with `all()` it does not compile.
    async fn confirm(&self, question: &str) -> HubResult<bool>;
}

struct Files {
    names: Mutex<BTreeSet<String>>,
}

#[hub]
impl Files {
    /// Deletes a file if who calls stays with it; answers what became of that.
    async fn delete(&self, ctx: HubCallerContext, name: String) -> HubResult<String> {
        if !self.names.lock().contains(&name) {
            return Err(HubError::new("there is no such file"));
        }
        // People may walk away: the question is given up with the future that asks it.
        let is_sure = timeout(PATIENCE, ctx.clients().caller().confirm(&format!("Delete {name}?"))).await;
        match is_sure {
            Err(_) => Ok(format!("{name} stays: nobody has answered")),
            Ok(Err(err)) => Err(err),
            Ok(Ok(false)) => Ok(format!("{name} stays")),
            Ok(Ok(true)) => {
                let left = {
                    let mut names = self.names.lock();
                    names.remove(&name);
                    names.clone()
                };
                ctx.clients().all().show_files(&left).await?;
                Ok(format!("{name} is gone"))
            }
        }
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        let files = self.names.lock().clone();
        ctx.clients().caller().show_files(&files).await
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let names = ["letter.txt", "map.png", "song.ogg"].map(str::to_owned).into();
    let signalr = SignalR::builder().hub("/files", Files { names: Mutex::new(names) }).build()?;
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

/// How long somebody may think.
const PATIENCE: Duration = Duration::from_secs(20);

/// The official client.
const CLIENT: &str = include_str!("chat/vendor/signalr.min.js");

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Client results</title>
<link rel="icon" href="data:,">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
  output { display: block; min-height: 1.5em }
</style>

<h1>Files</h1>
<ul id="files"></ul>
<output id="outcome"></output>

<dialog id="question">
  <p id="text"></p>
  <form method="dialog"><button value="yes">Yes</button> <button value="no">No</button></form>
</dialog>

<script src="signalr.js"></script>
<script type="module">
  const $ = (id) => document.getElementById(id);
  const connection = new signalR.HubConnectionBuilder().withUrl('files').withAutomaticReconnect().build();

  connection.on('ShowFiles', (files) => {
    $('files').replaceChildren(...files.map((name) => {
      const [item, button] = [document.createElement('li'), document.createElement('button')];
      button.textContent = 'Delete';
      button.onclick = () => remove(name);
      item.append(name, ' ', button);
      return item;
    }));
  });

  // What this returns, or what its promise becomes, is the answer to the server.
  connection.on('Confirm', (question) => new Promise((answer) => {
    const dialog = $('question');
    $('text').textContent = question;
    dialog.returnValue = 'no'; // also what the Escape key says
    dialog.onclose = () => answer(dialog.returnValue === 'yes');
    dialog.showModal();
  }));

  async function remove(name) {
    try {
      $('outcome').textContent = await connection.invoke('Delete', name);
    } catch (err) {
      $('outcome').textContent = err.message;
    }
    if ($('question').open) $('question').close('no'); // the server waits no longer
  }

  await connection.start();
</script>
"#;
