//! Connections that come, go and change their groups, and messages to some of them, beside a thousand of one worker.

#[allow(unreachable_pub, reason = "shared by benches")]
mod support;

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_signalr_actors::{
    ConnectionId, DefaultUserIdProvider, Hub, HubContext, HubDescriptor, HubOptions, HubRuntime, HubServer,
    Policies,
};
use criterion::{Criterion, criterion_group, criterion_main};

use crate::support::{Client, Counter};

const CONNECTIONS: usize = 1000;
const GROUPS: usize = 100;
const USERS: usize = 500;

struct News;

impl Hub for News {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

/// A hub with its connections: each of a user who has two, and in a group of ten.
struct Scene {
    runtime: Arc<HubRuntime>,
    context: HubContext<News>,
    counter: Rc<Counter>,
    _clients: Vec<Client>,
}

impl Scene {
    async fn new() -> Self {
        let options = HubOptions::default();
        let server = HubServer::new(News, options, &Policies::default(), Arc::new(DefaultUserIdProvider));
        let Ok(server) = server else { panic!("the hub can be served") };
        let (runtime, context, counter) = (server.start(), server.context(), Rc::new(Counter::default()));
        let mut clients = Vec::with_capacity(CONNECTIONS);
        for number in 0..CONNECTIONS {
            let (id, user) = (id(number), format!("user-{}", number % USERS));
            clients.push(Client::connect(&user, id.clone(), &runtime, &counter).await);
            let joined = context.groups().add(&id, group(number)).await;
            assert!(joined.is_ok());
        }
        Self { runtime, context, counter, _clients: clients }
    }
}

fn id(number: usize) -> ConnectionId {
    format!("connection-{number}").into()
}

fn group(number: usize) -> String {
    format!("group-{}", number % GROUPS)
}

fn change(criterion: &mut Criterion) {
    let mut benches = criterion.benchmark_group("registry");
    benches.bench_function("join a group and leave it", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(iterations, &async |scene, number| {
                let groups = scene.context.groups();
                let (id, other) = (id(number % CONNECTIONS), group(number + 1));
                let joined = groups.add(&id, &other).await;
                let left = groups.remove(&id, &other).await;
                assert!(joined.is_ok() && left.is_ok());
            })
        });
    });
    benches.bench_function("connect and disconnect", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(iterations, &async |scene, number| {
                let id = id(CONNECTIONS + number);
                let client = Client::connect("ann", id.clone(), &scene.runtime, &scene.counter).await;
                let ended = scene.context.disconnect(&id).await;
                assert!(ended.is_ok());
                // The close message is the last that the client gets.
                scene.counter.take(1).await;
                drop(client);
            })
        });
    });
    benches.finish();
}

fn send(criterion: &mut Criterion) {
    let mut benches = criterion.benchmark_group("registry/send to");
    benches.bench_function("one connection", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(iterations, &async |scene, number| {
                let sent =
                    scene.context.clients().client(id(number % CONNECTIONS)).send("News", ("hello",)).await;
                assert!(sent.is_ok());
                scene.counter.take(1).await;
            })
        });
    });
    benches.bench_function("a user with two connections", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(iterations, &async |scene, number| {
                let user = format!("user-{}", number % USERS);
                let sent = scene.context.clients().user(user).send("News", ("hello",)).await;
                assert!(sent.is_ok());
                scene.counter.take(CONNECTIONS / USERS).await;
            })
        });
    });
    benches.bench_function("a group of ten", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(iterations, &async |scene, number| {
                let sent = scene.context.clients().group(group(number)).send("News", ("hello",)).await;
                assert!(sent.is_ok());
                scene.counter.take(CONNECTIONS / GROUPS).await;
            })
        });
    });
    benches.finish();
}

/// Does it so often, each time with the next number.
fn measure(iterations: u64, work: &impl AsyncFn(&Scene, usize)) -> Duration {
    actix_rt::System::new().block_on(async {
        let scene = Scene::new().await;
        let start = Instant::now();
        for number in 0..iterations {
            work(&scene, number as usize).await;
        }
        start.elapsed()
    })
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = config();
    targets = change, send
}
criterion_main!(benches);
