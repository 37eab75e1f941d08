//! A server with the hubs, routes and policies of a fixed contract, so that what others wrote can be run against it.
//!
//! ```text
//! cargo run --release --example contract -- --urls http://127.0.0.1:5000 [--detailed 1] [--parallel N] [--workers N] [--redis 127.0.0.1:6379[,channelPrefix=P]] [--http-server 1]
//! ```
//!
//! It serves what this crate does so far; what it does not is not mapped, and answers 404.

#[path = "../allocator/mod.rs"]
mod allocator;
mod authorized_hubs;
mod bench_hub;
mod complex;
mod cors;
mod dictionary;
mod eleven_hub;
mod key_scheme;
mod null;
mod plain_hubs;
mod refresh_hubs;
mod sign_in;
mod test_hub;
mod tokens;
mod wait;

use std::time::Duration;

use actix_signalr::{
    AuthorizationContext, AuthorizationHandler, ClaimsPrincipal, CookieAuthentication, HttpConnectionOptions,
    HttpServerExt, HubContext, HubHttpServer, HubOptions, HubRoutes, KeyRing, Outcome, Policy, PolicyScheme,
    Requirement, SignalR, TransportKind, backplane::RedisBackplane, claim_types,
};
use actix_web::{
    App, HttpResponse, HttpServer, Responder,
    error::ErrorInternalServerError,
    middleware::from_fn,
    web::{self, Data, Path},
};
use serde_json::json;

use crate::{
    authorized_hubs::{AuthorizedHub, JwtOnlyHub, PolicyHub},
    bench_hub::BenchHub,
    eleven_hub::ElevenHub,
    key_scheme::KeyScheme,
    plain_hubs::{BrokenHub, RefusingHub},
    refresh_hubs::{AnonymousRefreshHub, Callback, RefreshHub, RefreshPolicyHub},
    test_hub::{Lifecycle, TestHub},
};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse()?;
    let lifecycle = Lifecycle::default();
    let cookies =
        KeyRing::random().map(CookieAuthentication::new).map_err(std::io::Error::other)?.login_path("/login");
    let signalr = server(&arguments, lifecycle.clone(), cookies.clone())?;
    let routes = signalr.clone();

    let app = move || {
        allocator::give_back();
        App::new()
            .wrap(from_fn(cors::allow_one_origin))
            .app_data(Data::new(lifecycle.clone()))
            .app_data(Data::new(cookies.clone()))
            .route("/token", web::get().to(tokens::mint))
            .route("/signin", web::get().to(sign_in::sign_in))
            .route("/signout", web::get().to(sign_in::sign_out))
            .route("/lifecycle", web::get().to(counters))
            .route("/push/{user}", web::post().to(push))
            .configure(routes.routes())
    };
    let server = if arguments.is_on_http_server {
        let server = HttpServer::new(app).workers(arguments.workers).for_hubs();
        server.disable_signals().shutdown_timeout(1).bind(&arguments.address)?.run()
    } else {
        let server = HubHttpServer::new(app).workers(arguments.workers);
        server.disable_signals().shutdown_timeout(1).bind(&arguments.address)?.run()
    };
    println!("listening on http://{}", arguments.address);
    signalr.run(server).await
}

fn server(
    arguments: &Arguments,
    lifecycle: Lifecycle,
    cookies: CookieAuthentication,
) -> std::io::Result<SignalR> {
    let default = HttpConnectionOptions::default;
    let expiring = || default().close_on_authentication_expiration(true);
    let refreshing = || expiring().enable_authentication_refresh(true);
    let at_most_four_seconds = Duration::from_secs(4);
    let callback = Callback::default();
    let asking = callback.clone();
    let large = default().application_max_buffer_size(1 << 20).transport_max_buffer_size(1 << 20);
    let mut builder = SignalR::builder();
    if let Some(redis) = &arguments.redis {
        // As the original's configuration has it: the address, and perhaps a prefix.
        let (address, prefix) = redis.split_once(",channelPrefix=").unwrap_or((redis, ""));
        let backplane = RedisBackplane::builder(&format!("redis://{address}")).channel_prefix(prefix);
        builder = builder.backplane(backplane.share_worker(arguments.workers == 1).build()?);
    }
    Ok(builder
        .authentication(PolicyScheme::new("Smart").select(|request| {
            let headers = request.http().headers();
            if headers.contains_key("x-key") {
                "Key"
            } else if headers.contains_key("authorization") || tokens::has_query_token(request.http()) {
                "Bearer"
            } else {
                "Cookies"
            }
        }))
        .authentication(cookies)
        .authentication(tokens::bearer())
        .authentication(KeyScheme)
        .default_scheme("Smart")
        .policy("DomainRestricted", Policy::new().require(DomainRestricted))
        .policy("HasEmail", Policy::new().require_authenticated_user().require_claim(claim_types::EMAIL))
        .policy(
            "Bench",
            Policy::new()
                .require_authenticated_user()
                .require_claim("bench")
                .require_user(|user| user.has_claim("bench", "yes")),
        )
        .policy("JwtOnly", Policy::new().schemes(["Bearer"]).require_authenticated_user())
        // The contract has a method with a policy nobody has defined; here that would not start.
        .policy("NoSuchPolicy", Policy::new().require_user(|_| false))
        .user_id_provider(|user: &ClaimsPrincipal| {
            let id =
                user.find_first(claim_types::EMAIL).or_else(|| user.find_first(claim_types::NAME_IDENTIFIER));
            id.map(str::to_owned)
        })
        .hub_options(
            HubOptions::default()
                .detailed_errors(arguments.detailed)
                .maximum_parallel_invocations(arguments.parallel),
        )
        .hub_routes(
            HubRoutes::new(TestHub::new(lifecycle))
                .route("/hubs/test", default().allow_stateful_reconnects(true))
                .route(
                    "/hubs/short",
                    default().application_max_buffer_size(4096).poll_timeout(Duration::from_secs(2)),
                )
                .route("/hubs/wsonly", default().transports([TransportKind::WebSockets]))
                .route("/hubs/minv1", default().minimum_protocol_version(1))
                .route("/open/test", default()),
        )
        .hub_routes(
            HubRoutes::new(AuthorizedHub)
                .route("/hubs/authorized", default())
                .route("/hubs/expiring", expiring()),
        )
        .hub("/hubs/policy", PolicyHub)
        .hub("/hubs/jwtonly", JwtOnlyHub)
        .hub("/hubs/broken", BrokenHub)
        .hub("/hubs/refusing", RefusingHub)
        .hub("/hubs/eleven", ElevenHub)
        .hub_routes(
            HubRoutes::new(RefreshHub(callback))
                .route("/hubs/refresh", refreshing().allow_stateful_reconnects(true))
                .route(
                    "/hubs/refreshopen",
                    default().enable_authentication_refresh(true).allow_stateful_reconnects(true),
                )
                .route("/hubs/refreshoff", expiring().allow_stateful_reconnects(true))
                .route(
                    "/hubs/refreshcb",
                    default()
                        .enable_authentication_refresh(true)
                        .allow_stateful_reconnects(true)
                        .on_authentication_refresh(move |refresh| asking.clone().run(refresh)),
                )
                .route(
                    "/hubs/refreshmax",
                    refreshing().maximum_authentication_expiration(at_most_four_seconds),
                )
                .route(
                    "/hubs/refreshmaxoff",
                    expiring().maximum_authentication_expiration(at_most_four_seconds),
                ),
        )
        .hub_routes(HubRoutes::new(RefreshPolicyHub::default()).route("/hubs/refreshpolicy", refreshing()))
        .hub_routes(HubRoutes::new(AnonymousRefreshHub::default()).route("/hubs/refreshanon", refreshing()))
        .hub_routes(HubRoutes::new(BenchHub).route("/hubs/bench", large).route("/bench", default()))
        .build()?)
}

/// Only names of one domain; one of them may not ban.
struct DomainRestricted;

impl Requirement for DomainRestricted {}

impl AuthorizationHandler<Self> for DomainRestricted {
    async fn handle(&self, context: &AuthorizationContext, _: &Self) -> Outcome {
        let (Some(name), Some(call)) = (context.user().name(), context.hub_invocation()) else {
            return Outcome::Abstain;
        };
        let banned = name == "asdf42@example.org" && call.method.eq_ignore_ascii_case("banUser");
        if !banned && name.ends_with("@example.org") { Outcome::Succeed } else { Outcome::Abstain }
    }
}

async fn counters(lifecycle: Data<Lifecycle>) -> impl Responder {
    let (connected, disconnected, faulted) = lifecycle.counts();
    let counts = json!({ "connected": connected, "disconnected": disconnected, "faulted": faulted });
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(counts.to_string())
}

/// Sends from outside of a hub.
async fn push(
    user: Path<String>,
    hub: Data<HubContext<TestHub>>,
    text: web::Bytes,
) -> actix_web::Result<HttpResponse> {
    let text = String::from_utf8_lossy(&text).into_owned();
    hub.clients().user(&*user).send("Message", (text,)).await.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().finish())
}

struct Arguments {
    address: String,
    detailed: bool,
    parallel: usize,
    workers: usize,
    redis: Option<String>,
    /// Served by actix-web's `HttpServer`.
    is_on_http_server: bool,
}

impl Arguments {
    fn parse() -> std::io::Result<Self> {
        let mut parsed = Self {
            address: "127.0.0.1:5000".to_owned(),
            detailed: false,
            parallel: 1,
            workers: 1,
            redis: None,
            is_on_http_server: false,
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| invalid(&name))?;
            match name.as_str() {
                "--urls" => {
                    parsed.address = value.trim_start_matches("http://").trim_end_matches('/').to_owned()
                }
                "--detailed" => parsed.detailed = true,
                "--parallel" => parsed.parallel = value.parse().map_err(|_| invalid(&name))?,
                "--workers" => parsed.workers = value.parse().map_err(|_| invalid(&name))?,
                "--redis" => parsed.redis = Some(value),
                "--http-server" => parsed.is_on_http_server = true,
                _ => return Err(invalid(&name)),
            }
        }
        Ok(parsed)
    }
}

fn invalid(name: &str) -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidInput,
        format!("the argument {name} is unknown, or its value is"),
    )
}
