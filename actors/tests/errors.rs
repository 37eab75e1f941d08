//! What a client is told when a call fails, to the letter.

use actix_signalr_actors::{
    ClaimsPrincipal, Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult,
    testing::{ConnectError, TestHub, user},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

struct Failing;

/// An argument whose own reading panics.
struct Explosive;

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("reading")
    }
}

/// A result that cannot be written.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not to be written"))
    }
}

impl Failing {
    async fn tell(&self, _ctx: HubCallerContext, text: String) -> HubResult {
        Err(HubError::new(text))
    }

    async fn parse(&self, _ctx: HubCallerContext, text: String) -> HubResult<i32> {
        Ok(text.parse()?)
    }

    async fn panic(&self, _ctx: HubCallerContext) -> HubResult {
        panic!("a bug of the application")
    }

    async fn panic_late(&self, _ctx: HubCallerContext) -> HubResult {
        tokio::task::yield_now().await;
        panic!("a bug of the application")
    }

    async fn read(&self, _ctx: HubCallerContext, _value: Explosive) -> HubResult {
        Ok(())
    }

    async fn write(&self, _ctx: HubCallerContext) -> HubResult<Unwritable> {
        Ok(Unwritable)
    }

    async fn fine(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("fine")
    }
}

impl Hub for Failing {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Tell", Self::tell);
        hub.method("Parse", Self::parse);
        hub.method("Panic", Self::panic);
        hub.method("PanicLate", Self::panic_late);
        hub.method("Read", Self::read);
        hub.method("Write", Self::write);
        hub.method("Fine", Self::fine);
    }
}

/// The method, its arguments as JSON, what is said always, and what is added where details are wanted.
const CASES: &[(&str, &str, &str, &str)] = &[
    (
        "NoSuch<é>\\\"",
        "[]",
        "Failed to invoke 'NoSuch<é>\"' due to an error on the server. HubException: Method does not exist.",
        "",
    ),
    ("", "[]", "Failed to invoke '' due to an error on the server. HubException: Method does not exist.", ""),
    (
        "Tell",
        "[]",
        "Failed to invoke 'Tell' due to an error on the server.",
        " InvalidDataException: Invocation provides 0 argument(s) but target expects 1.",
    ),
    (
        "Tell",
        r#"["a","b",3]"#,
        "Failed to invoke 'Tell' due to an error on the server.",
        " InvalidDataException: Invocation provides 3 argument(s) but target expects 1.",
    ),
    (
        "Tell",
        "[1]",
        "Failed to invoke 'Tell' due to an error on the server.",
        " InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.",
    ),
    (
        "Tell",
        "[1,2]",
        "Failed to invoke 'Tell' due to an error on the server.",
        " InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.",
    ),
    (
        "Tell",
        r#"["too \"late\" \u0000"]"#,
        "An unexpected error occurred invoking 'Tell' on the server. HubException: too \"late\" \0",
        "",
    ),
    (
        "Parse",
        r#"["seven"]"#,
        "An unexpected error occurred invoking 'Parse' on the server.",
        " ParseIntError: invalid digit found in string",
    ),
    (
        "Panic",
        "[]",
        "An unexpected error occurred invoking 'Panic' on the server.",
        " Panic: a bug of the application",
    ),
    (
        "PanicLate",
        "[]",
        "An unexpected error occurred invoking 'PanicLate' on the server.",
        " Panic: a bug of the application",
    ),
    (
        "Read",
        "[1]",
        "Failed to invoke 'Read' due to an error on the server.",
        " Panic: the arguments could not be read",
    ),
    (
        "Write",
        "[]",
        "An unexpected error occurred invoking 'Write' on the server.",
        " SendError: the arguments cannot be serialised: not to be written",
    ),
];

async fn check(detailed: bool) {
    let options = HubOptions::default().detailed_errors(detailed);
    let hub = TestHub::builder(Failing).options(options).start();
    let ann = hub.connect(user("ann")).await;
    for (method, arguments, always, details) in CASES {
        let call = format!(r#"{{"type":1,"invocationId":"1","target":"{method}","arguments":{arguments}}}"#);
        ann.send_record(&call).await;
        let answer = ann.next_record().await.unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        let details = if detailed { details } else { "" };
        assert_eq!(answer["error"], format!("{always}{details}"), "{call}");
        assert_eq!(
            answer.as_object().map(|answer| answer.len()),
            Some(3),
            "type, invocationId and error alone"
        );
        assert_eq!(ann.invoke("Fine", ()).await, Ok("fine".to_owned()), "the connection goes on");
    }
}

#[actix::test]
async fn a_client_reads_what_is_meant_for_it() {
    check(false).await;
}

#[actix::test]
async fn details_are_told_where_they_are_wanted() {
    check(true).await;
}

#[actix::test]
async fn a_plain_method_is_not_to_be_called_as_a_stream() {
    let hub = TestHub::start(Failing);
    let ann = hub.connect(user("ann")).await;
    ann.send_record(r#"{"type":4,"invocationId":"1","target":"Fine","arguments":[]}"#).await;
    let error = "The client attempted to invoke the non-streaming 'Fine' method with a streaming invocation.";
    let answer = format!(r#"{{"type":3,"invocationId":"1","error":"{error}"}}"#);
    assert_eq!(ann.next_record().await, Some(answer));
}

#[actix::test]
async fn streams_nobody_takes_are_an_error() {
    let hub = TestHub::start(Failing);
    let ann = hub.connect(user("ann")).await;
    ann.send_record(r#"{"type":1,"invocationId":"1","target":"Fine","arguments":[],"streamIds":["a","b"]}"#)
        .await;
    let error = "An unexpected error occurred invoking 'Fine' on the server. HubException: Client sent 2 stream(s), Hub method expects 0.";
    let answer = format!(r#"{{"type":3,"invocationId":"1","error":"{error}"}}"#);
    assert_eq!(ann.next_record().await, Some(answer));
}

#[actix::test]
async fn a_user_id_provider_that_panics_fails_the_handshake() {
    let provider = |user: &ClaimsPrincipal| -> Option<String> {
        match user.name() {
            Some("bob") => panic!("a bug of the application"),
            name => name.map(str::to_owned),
        }
    };
    let hub = TestHub::builder(Failing).user_id_provider(provider).start();
    let refused = hub.try_connect(user("bob")).await.unwrap_err();
    let text = "An unexpected error occurred during connection handshake.";
    assert_eq!(refused, ConnectError::Handshake(text.to_owned()));
    let ann = hub.connect(user("ann")).await;
    assert_eq!(ann.invoke("Fine", ()).await, Ok("fine".to_owned()));
}
