//! The HTTP scheme `Negotiate` over real connections, with tokens that need no Kerberos. (The real one is tried with a KDC.)

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

mod raw_http;

use actix_signalr::{
    AuthenticationRequest, AuthenticationScheme, AuthorizeData, ClaimsPrincipal, HttpConnectionOptions,
    HttpServerExt, Hub, HubDescriptor, HubRoutes, NegotiateAuthentication, NegotiateConnection,
    NegotiateError, NegotiateExchange, NegotiateProcessor, NegotiateStep, NegotiateUser, SignalR,
    claim_types, has_windows_identity,
};
use actix_web::{
    App, HttpServer,
    http::{Version, header::AUTHORIZATION},
    test::TestRequest,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::LocalBoxFuture;

use crate::raw_http::{Client, Server};

struct Members;

impl Hub for Members {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

/// `hello` is answered `who?` and wants `I am ann` on the same connection; `it is ann` is all at once.
struct Words;

impl NegotiateProcessor for Words {
    fn begin(&self) -> Box<dyn NegotiateExchange> {
        Box::new(Talk { is_greeted: false })
    }
}

struct Talk {
    is_greeted: bool,
}

impl NegotiateExchange for Talk {
    fn accept(
        self: Box<Self>,
        token: Vec<u8>,
    ) -> LocalBoxFuture<'static, Result<NegotiateStep, NegotiateError>> {
        let text = String::from_utf8(token).unwrap();
        let known = |name: &str, token: Option<&[u8]>| NegotiateStep::Complete {
            user: NegotiateUser::new(format!("{name}@EXAMPLE.TEST"), "Kerberos"),
            token: token.map(<[u8]>::to_vec),
        };
        Box::pin(async move {
            match (text.as_str(), self.is_greeted) {
                ("hello", false) => Ok(NegotiateStep::Continue {
                    token: b"who?".to_vec(),
                    exchange: Box::new(Self { is_greeted: true }),
                }),
                ("a bug", _) => panic!("a bug of the processor"),
                ("noise", _) => Err(NegotiateError::Malformed("noise".to_owned())),
                (said, is_greeted) => {
                    let (start, token) =
                        if is_greeted { ("I am ", None) } else { ("it is ", Some(&b"welcome"[..])) };
                    let name = said.strip_prefix(start);
                    name.map(|name| known(name, token))
                        .ok_or_else(|| NegotiateError::Refused("nobody is called so".to_owned()))
                }
            }
        })
    }
}

/// A server with the scheme; `keeps` says whether anything is kept with a TCP connection.
fn start(scheme: NegotiateAuthentication, demand: AuthorizeData, keeps: bool) -> Server {
    Server::start(move || {
        let options = HttpConnectionOptions::default().authorize(demand);
        let routes = HubRoutes::new(Members).route("/members", options);
        let signalr = SignalR::builder().authentication(scheme).hub_routes(routes).build().unwrap();
        let server = HttpServer::new(move || App::new().configure(signalr.routes()));
        let server = server.for_hubs().workers(1).disable_signals();
        let server = if keeps { server.on_connect(NegotiateConnection::begin) } else { server };
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        (server.addrs()[0], server.run())
    })
}

fn start_with(scheme: NegotiateAuthentication) -> Server {
    start(scheme, AuthorizeData::authenticated(), true)
}

/// The status of the answer, and the tokens in it.
fn ask(client: &mut Client, header: Option<&str>) -> (u16, Vec<String>) {
    let headers: Vec<_> = header.map(|value| ("Authorization", value)).into_iter().collect();
    let answer = client.ask("POST", "/members/negotiate", &headers, "");
    let tokens = answer.all("www-authenticate").into_iter().map(|value| {
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        assert_eq!(scheme, "Negotiate");
        String::from_utf8(STANDARD.decode(token).unwrap()).unwrap()
    });
    (answer.status, tokens.collect())
}

fn say(client: &mut Client, text: &str) -> (u16, Vec<String>) {
    ask(client, Some(&negotiate(text)))
}

fn negotiate(text: &str) -> String {
    format!("Negotiate {}", STANDARD.encode(text))
}

fn answer(status: u16, tokens: &[&str]) -> (u16, Vec<String>) {
    (status, tokens.iter().map(|token| (*token).to_owned()).collect())
}

fn scheme() -> NegotiateAuthentication {
    NegotiateAuthentication::new(Words)
}

#[test]
fn one_token_may_be_enough_and_is_answered_by_that_of_the_server() {
    let server = start_with(scheme());
    let mut client = server.connect();
    assert_eq!(ask(&mut client, None), answer(401, &[""]));
    assert_eq!(say(&mut client, "it is ann"), answer(200, &["welcome"]));
    assert_eq!(ask(&mut client, Some(&negotiate("it is ann").to_uppercase()[..9])), answer(400, &[]));
    assert_eq!(ask(&mut client, Some(&negotiate("it is ann").replace("Negotiate", "negotiate"))).0, 200);
}

#[test]
fn k09_an_exchange_of_several_tokens_goes_on_on_its_connection_alone() {
    let server = start_with(scheme());
    let (mut client, mut other) = (server.connect(), server.connect());
    assert_eq!(say(&mut client, "hello"), answer(401, &["who?"]));
    assert_eq!(say(&mut other, "I am ann"), answer(401, &[""]), "nobody has greeted there");
    assert_eq!(say(&mut client, "I am ann"), answer(200, &[]));
    assert_eq!(say(&mut client, "I am ann"), answer(401, &[""]), "it is over");
    assert_eq!(say(&mut client, "hello"), answer(401, &["who?"]), "and may begin again");
}

#[test]
fn k09_a_request_without_the_next_token_ends_an_exchange() {
    let server = start_with(scheme());
    for between in [None, Some("Basic x"), Some("Negotiate !")] {
        let mut client = server.connect();
        assert_eq!(say(&mut client, "hello"), answer(401, &["who?"]));
        assert!(ask(&mut client, between).0 >= 400);
        assert_eq!(say(&mut client, "I am ann"), answer(401, &[""]), "{between:?}");
    }
}

#[test]
fn k09_nobody_else_on_the_connection_is_let_in_unless_that_is_asked_for() {
    let server = start_with(scheme());
    let mut client = server.connect();
    assert_eq!(say(&mut client, "it is ann").0, 200);
    assert_eq!(ask(&mut client, None), answer(401, &[""]));

    let keeping = start_with(scheme().persist_credentials(true));
    let mut client = keeping.connect();
    assert_eq!(say(&mut client, "it is ann").0, 200);
    assert_eq!(ask(&mut client, None), answer(200, &[]));
    assert_eq!(ask(&mut client, Some("Bearer x")).0, 401, "whoever brings other credentials is not ann");
    assert_eq!(say(&mut client, "it is not me"), answer(200, &["welcome"]));
    assert_eq!(say(&mut client, "nonsense").0, 401);
    assert_eq!(ask(&mut client, None).0, 401, "a bad token ends what was kept");
    assert_eq!(ask(&mut keeping.connect(), None).0, 401);
}

#[test]
fn k09_junk_is_a_bad_request_and_a_bug_is_a_refusal() {
    let server = start_with(scheme());
    let mut client = server.connect();
    for junk in [&negotiate("noise"), "Negotiate", "Negotiate ", "Negotiate ===", "Negotiate a b"] {
        assert_eq!(ask(&mut client, Some(junk)), answer(400, &[]), "{junk}");
    }
    for refused in [&negotiate("it was me"), &negotiate("a bug"), "Negotiatex eA==", "Basic x"] {
        assert_eq!(ask(&mut client, Some(refused)), answer(401, &[""]), "{refused}");
    }
}

#[test]
fn without_a_place_to_keep_it_an_exchange_does_not_go_on() {
    let server = start(scheme(), AuthorizeData::authenticated(), false);
    let mut client = server.connect();
    assert_eq!(say(&mut client, "hello"), answer(401, &[""]));
    assert_eq!(say(&mut client, "I am ann"), answer(401, &[""]));
    assert_eq!(say(&mut client, "it is ann"), answer(200, &["welcome"]));
}

#[test]
fn the_servers_token_is_not_sent_along_with_a_refusal() {
    let admins = || AuthorizeData::roles("Admin");
    let server = start(scheme(), admins(), true);
    assert_eq!(say(&mut server.connect(), "it is ann"), answer(403, &[]));

    let with_roles = scheme().on_authenticated(async |context| {
        let named = context.principal().identities()[0].clone();
        context.set_principal(named.claim(claim_types::ROLE, "Admin"));
    });
    let server = start(with_roles, admins(), true);
    assert_eq!(say(&mut server.connect(), "it is ann"), answer(200, &["welcome"]));

    for refusing in [
        scheme().on_authenticated(async |context| context.fail("not today")),
        scheme().on_authenticated(async |_| panic!("a bug of the application")),
    ] {
        assert_eq!(say(&mut start_with(refusing).connect(), "it is ann").0, 401);
    }
}

#[actix_web::test]
async fn a_user_has_a_name_and_no_identifier_and_a_token_is_taken_once() {
    let http = TestRequest::get().insert_header((AUTHORIZATION, negotiate("it is ann"))).to_http_request();
    let scheme = scheme();
    for _ in 0..2 {
        let request = AuthenticationRequest::new(&http);
        let result = scheme.authenticate(&request).await;
        let ticket = result.ticket().unwrap();
        let user = ticket.principal();
        assert_eq!(user.name(), Some("ann@EXAMPLE.TEST"));
        assert_eq!(user.find_first(claim_types::NAME_IDENTIFIER), None);
        assert_eq!(user.identities()[0].authentication_type(), Some("Kerberos"));
        assert_eq!(ticket.expires_at(), None);
        assert!(has_windows_identity(user));
    }
    assert!(!has_windows_identity(&ClaimsPrincipal::anonymous()));
}

#[actix_web::test]
async fn k09_there_is_no_such_user_over_http_2() {
    let http = TestRequest::get()
        .version(Version::HTTP_2)
        .insert_header((AUTHORIZATION, negotiate("it is ann")))
        .to_http_request();
    assert!(scheme().authenticate(&AuthenticationRequest::new(&http)).await.ticket().is_none());
}
