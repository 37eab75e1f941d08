//! What of a round of the link is done first, what goes into the next one, and that who comes and goes meanwhile is not forgotten.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    task::Poll,
    thread,
};

use actix_rt::time::timeout;
use actix_signalr_actors::backplane::{Backplane, RedisBackplane};
use bytes::Bytes;
use futures::poll;

use crate::{
    redis_server::RedisServer,
    square::{LIMIT, Nobody, until},
};

#[actix::test]
async fn an_answer_goes_out_before_the_channel_of_its_client_is_given_up() {
    let redis = NotingRedis::start();
    let backplane = RedisBackplane::new(&redis.url).unwrap();
    until("there is a link", || backplane.counts().is_connected()).await;
    backplane.subscribe("client", Arc::new(Nobody)).await;
    let first = backplane.publish("held", Bytes::new());
    until("it is held", || redis.heard_of("PUBLISH held") == 1).await;
    // While that is under way, all of this waits for the next round.
    let left = backplane.unsubscribe("client");
    let came = backplane.subscribe("another", Arc::new(Nobody));
    let answered = backplane.publish("answers", Bytes::new());
    redis.go_on();
    let all = async { futures::join!(first, left, came, answered) };
    let (first, (), (), answered) = timeout(LIMIT, all).await.expect("all of it is done");
    assert_eq!((first, answered), (Ok(0), Ok(0)));
    let heard = redis.heard.lock().unwrap();
    let last = heard.iter().rev().take(3).rev();
    assert!(last.eq(["SUBSCRIBE another", "PUBLISH answers", "UNSUBSCRIBE client"]), "{heard:?}");
}

#[actix::test]
async fn who_has_been_answered_has_a_turn_before_the_next_round_of_a_link_on_his_thread() {
    let redis = NotingRedis::start();
    let backplane = RedisBackplane::builder(&redis.url).share_worker(true).build().unwrap();
    backplane.worker_started();
    until("there is a link", || backplane.counts().is_connected()).await;
    let first = backplane.publish("held", Bytes::new());
    until("it is held", || redis.heard_of("PUBLISH held") == 1).await;
    let mut meanwhile = backplane.publish("another", Bytes::new());
    let backplane = Arc::new(backplane);
    let more = backplane.clone();
    let again = actix_rt::spawn(async move {
        let first = first.await;
        (first, more.publish("held", Bytes::new()).await)
    });
    redis.go_on();
    until("the second is held", || redis.heard_of("PUBLISH held") == 2).await;
    assert_eq!(poll!(&mut meanwhile), Poll::Pending, "they are of one round, which is not over");
    redis.go_on();
    let all = async { futures::join!(meanwhile, again) };
    let (meanwhile, again) = timeout(LIMIT, all).await.expect("all of it is done");
    assert_eq!((meanwhile, again.unwrap()), (Ok(0), (Ok(0), Ok(0))));
}

#[actix::test]
async fn who_is_told_that_a_subscription_stands_has_one_however_often_it_was_ended_before() {
    let redis = RedisServer::start();
    let backplane = RedisBackplane::new(&redis.url()).unwrap();
    until("there is a link", || backplane.counts().is_connected()).await;
    let channels = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let command: Vec<_> = ["PUBSUB", "NUMSUB"].into_iter().chain(channels).collect();
    for _ in 0..1000 {
        for channel in channels.repeat(10) {
            drop(backplane.subscribe(channel, Arc::new(Nobody)));
            drop(backplane.unsubscribe(channel));
        }
        let stand = channels.map(|channel| backplane.subscribe(channel, Arc::new(Nobody)));
        futures::future::join_all(stand).await;
        let subscribers = redis.command(&command);
        assert_eq!(subscribers.matches(":1\r\n").count(), channels.len(), "{subscribers}");
    }
}

/// No Redis, but for its answers: it notes what it is told, and answers what is published on the channel `held` when it is to.
struct NotingRedis {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
    go_on: mpsc::Sender<()>,
}

impl NotingRedis {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (go_on, may_go_on) = mpsc::channel();
        let notes = heard.clone();
        thread::spawn(move || {
            let mut link = BufReader::new(listener.accept().unwrap().0);
            // Until the link is over.
            while let Some(command) = read(&mut link) {
                let of_channel = format!("{} {}", command[0], command[1]);
                notes.lock().unwrap().push(of_channel.clone());
                if of_channel == "PUBLISH held" {
                    may_go_on.recv().unwrap();
                }
                answer(link.get_mut(), &command);
            }
        });
        Self { url, heard, go_on }
    }

    /// How often it has been told this.
    fn heard_of(&self, of_channel: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|heard| *heard == of_channel).count()
    }

    fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }
}

/// The parts of the next command.
fn read(link: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let count = read_number(link)?;
    (0..count)
        .map(|_| {
            let mut part = vec![0; read_number(link)? + 2];
            link.read_exact(&mut part).ok()?;
            part.truncate(part.len() - 2);
            String::from_utf8(part).ok()
        })
        .collect()
}

fn read_number(link: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut line = String::new();
    link.read_line(&mut line).ok()?;
    line.trim_end().get(1..)?.parse().ok()
}

fn answer(link: &mut TcpStream, command: &[String]) {
    let (word, channel) = (command[0].to_lowercase(), &command[1]);
    let answer = match &*word {
        "hello" => "+OK\r\n".to_owned(),
        "publish" => ":0\r\n".to_owned(),
        _ => format!(">3\r\n${}\r\n{word}\r\n${}\r\n{channel}\r\n:0\r\n", word.len(), channel.len()),
    };
    let _ = link.write_all(answer.as_bytes());
}
