//! Whether a request asks for a WebSocket, and the response which grants it.

use actix_http::ws::hash_key;
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode, Version,
        header::{self, HeaderName, HeaderValue},
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::options::SubProtocolSelector;

/// The `Sec-WebSocket-Accept` value for a request which is a WebSocket upgrade; `None` for any other request.
///
/// Asking for an upgrade wrongly is no error: such a request is an ordinary one, and is answered as such.
pub(crate) fn upgrade_key(request: &HttpRequest) -> Option<HeaderValue> {
    let asks = request.method().as_str().eq_ignore_ascii_case(Method::GET.as_str())
        && request.version() == Version::HTTP_11
        && any_token(request, &header::CONNECTION, "upgrade")
        && turns_into_a_stream(request)
        && any_token(request, &header::SEC_WEBSOCKET_VERSION, "13");
    if !asks {
        return None;
    }

    let mut keys = request.headers().get_all(header::SEC_WEBSOCKET_KEY);
    let key = keys.next()?.as_bytes().trim_ascii();
    if keys.next().is_some() || !is_key(key) {
        return None;
    }
    HeaderValue::from_bytes(&hash_key(key)).ok()
}

/// The subprotocol that is chosen of those that the client offers, as a header's value.
pub(crate) fn sub_protocol(request: &HttpRequest, selector: &SubProtocolSelector) -> Option<HeaderValue> {
    let headers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offered = headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let offered: Vec<_> = offered.map(str::trim).filter(|protocol| !protocol.is_empty()).collect();
    HeaderValue::try_from(selector.select(&offered)?).ok()
}

/// The head of the response to a WebSocket upgrade, where `accept` is from [`upgrade_key`].
///
/// No extension is agreed on. Give it its body by `body`: `streaming` would add a content
/// type.
pub(crate) fn switching_protocols(accept: HeaderValue) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    response.upgrade("websocket").insert_header((header::SEC_WEBSOCKET_ACCEPT, accept));
    response
}

/// Whether the HTTP layer passes on all that follows the request's head.
///
/// It does so for an `Upgrade` header of the one word `websocket` without chunks. With a list of protocols in
/// one header it would take the frames for the next request, and of a body announced nobody could tell where
/// it ends.
fn turns_into_a_stream(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let mut protocols = headers.get_all(header::UPGRADE);
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|len| len.as_bytes().trim_ascii() != b"0");
    !has_body && protocols.any(|protocol| is_token(protocol.as_bytes(), "websocket"))
}

fn any_token(request: &HttpRequest, name: &HeaderName, token: &str) -> bool {
    request
        .headers()
        .get_all(name)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|found| is_token(found, token))
}

fn is_token(found: &[u8], token: &str) -> bool {
    found.trim_ascii().eq_ignore_ascii_case(token.as_bytes())
}

/// Whether this is base64 of exactly sixteen bytes.
fn is_key(key: &[u8]) -> bool {
    // Room for the three bytes which four digits can be at most, so that all 24 are judged by the same
    // decoder.
    let mut bytes = [0; KEY_DIGITS / 4 * 3];
    key.len() == KEY_DIGITS && BASE64_STANDARD.decode_slice(key, &mut bytes) == Ok(KEY_BYTES)
}

const KEY_BYTES: usize = 16;
const KEY_DIGITS: usize = 24;

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{SocketAddr, TcpStream},
        time::Duration,
    };

    use actix_web::{
        App, HttpServer,
        body::BodyStream,
        test::TestRequest,
        web::{self, Bytes, BytesMut},
    };
    use futures::StreamExt;

    use super::*;
    use crate::transports::web_sockets::{
        decoder::{Control, FrameDecoder},
        frame::{CLOSE_NORMAL, OpCode, encode_close, encode_data, encode_pong},
    };

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
    const ACCEPT: &str = "ICX+Yqv66kxgM0FcWaLWlFLwTAI=";
    const RIGHT: [(&str, &str); 4] = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];

    fn request(headers: &[(&'static str, &'static str)]) -> TestRequest {
        headers.iter().fold(TestRequest::get(), |request, header| request.append_header(*header))
    }

    /// The right headers, but one of them in these values instead.
    fn with(name: &str, values: &[&'static str]) -> Option<HeaderValue> {
        let others = RIGHT.into_iter().filter(|(right, _)| *right != name);
        let (name, _) = RIGHT.into_iter().find(|(right, _)| *right == name).unwrap();
        let headers = others.chain(values.iter().map(|value| (name, *value)));
        upgrade_key(&request(&headers.collect::<Vec<_>>()).to_http_request())
    }

    #[test]
    fn a_right_upgrade_has_the_accept_value_of_its_key() {
        let right = request(&RIGHT).to_http_request();
        assert_eq!(upgrade_key(&right).unwrap(), ACCEPT);
        let other = with("Sec-WebSocket-Key", &["dGhlIHNhbXBsZSBub25jZQ=="]);
        assert_eq!(other.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_header_may_be_said_in_several_ways() {
        let table: &[(&str, &[&str])] = &[
            ("Connection", &["keep-alive, uPgRaDe"]),
            ("Connection", &["keep-alive,upgrade"]),
            ("Connection", &["keep-alive", "Upgrade"]),
            ("Connection", &["Upgrade", "keep-alive"]),
            ("Connection", &["close, Upgrade"]),
            ("Connection", &[",,Upgrade,"]),
            ("Upgrade", &["WebSocket"]),
            ("Upgrade", &["h2c", "websocket"]),
            ("Sec-WebSocket-Version", &["8, 13"]),
            ("Sec-WebSocket-Version", &["8", "13"]),
        ];
        for (name, values) in table {
            assert_eq!(with(name, values).unwrap(), ACCEPT, "{name}: {values:?}");
        }
    }

    #[test]
    fn a_wrong_header_makes_it_an_ordinary_request() {
        let table: &[(&str, &[&str])] = &[
            ("Connection", &[]),
            ("Connection", &["close"]),
            ("Connection", &["upgradex"]),
            ("Connection", &["x upgrade"]),
            ("Upgrade", &[]),
            ("Upgrade", &["h2c"]),
            ("Upgrade", &["websocket/13"]),
            ("Upgrade", &["xwebsocket"]),
            // Right by the letter, but the HTTP layer would not make it a stream.
            ("Upgrade", &["h2c, websocket"]),
            ("Sec-WebSocket-Version", &[]),
            ("Sec-WebSocket-Version", &["8"]),
            ("Sec-WebSocket-Version", &["013"]),
            ("Sec-WebSocket-Version", &["13;x"]),
            ("Sec-WebSocket-Key", &[]),
            ("Sec-WebSocket-Key", &[""]),
            ("Sec-WebSocket-Key", &["c2hvcnQ="]),
            ("Sec-WebSocket-Key", &["!!!!not base64!!!!!!!!=="]),
            ("Sec-WebSocket-Key", &["AAAAAAAAAAAAAAAAAAAAAB=="]),
            ("Sec-WebSocket-Key", &["AAAAAAAAAAAAAAAAAAAAAA"]),
            ("Sec-WebSocket-Key", &["AAAAAAAAAAAAAAAAAAAAAA="]),
            ("Sec-WebSocket-Key", &["AAAAAAAAAAAAAAAAAAAAA==="]),
            ("Sec-WebSocket-Key", &["-_AAAAAAAAAAAAAAAAAAAA=="]),
            ("Sec-WebSocket-Key", &["AAAAAAAAAAAAAAAAAAAA"]),
            ("Sec-WebSocket-Key", &["AAAAAAAAAAAAAAAAAAAAAAA="]),
            ("Sec-WebSocket-Key", &["AAAAAAAAAAAAAAAAAAAAAAAA"]),
            ("Sec-WebSocket-Key", &[KEY, KEY]),
        ];
        for (name, values) in table {
            assert_eq!(with(name, values), None, "{name}: {values:?}");
        }
    }

    #[test]
    fn an_upgrade_is_a_get_of_http_1_1_without_a_body() {
        let key = |request: TestRequest| upgrade_key(&request.to_http_request());
        assert_eq!(key(request(&RIGHT).method(Method::POST)), None);
        assert_eq!(key(request(&RIGHT).method(Method::HEAD)), None);
        assert_eq!(key(request(&RIGHT).version(Version::HTTP_10)), None);
        assert_eq!(key(request(&RIGHT).version(Version::HTTP_2)), None);
        assert_eq!(key(request(&RIGHT).append_header(("Content-Length", "3"))), None);
        assert_eq!(key(request(&RIGHT).append_header(("Transfer-Encoding", "chunked"))), None);
        assert!(key(request(&RIGHT).append_header(("Content-Length", "0"))).is_some());
    }

    /// Answers frames: data in a binary frame, a ping by a pong, a close by a close.
    async fn echo(request: HttpRequest, payload: web::Payload) -> HttpResponse {
        let Some(accept) = upgrade_key(&request) else {
            return HttpResponse::BadRequest().finish();
        };
        let mut decoder = FrameDecoder::default();
        let answers = payload.map(move |input| input.map(|input| answer(&mut decoder, &input)));
        switching_protocols(accept).body(BodyStream::new(answers))
    }

    fn answer(decoder: &mut FrameDecoder, mut input: &[u8]) -> Bytes {
        let mut answer = BytesMut::new();
        loop {
            let mut data = BytesMut::new();
            let control = decoder.decode(&mut input, &mut data).unwrap();
            if !data.is_empty() {
                encode_data(OpCode::Binary, &data, &mut answer);
            }
            match control {
                None => return answer.freeze(),
                Some(Control::Ping(payload)) => encode_pong(payload, &mut answer),
                Some(Control::Pong) => {}
                Some(Control::Close { .. }) => encode_close(CLOSE_NORMAL, &mut answer),
            }
        }
    }

    /// Sends an upgrade with frames right behind it, then further ones; gives the response's head and all
    /// after it.
    fn talk(address: SocketAddr, connection: &str) -> (String, Vec<u8>) {
        let head = format!(
            "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nContent-Length: 0\r\n\r\n"
        );
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let early = b"\x81\x85\x00\x00\x00\x00early";
        socket.write_all(&[head.as_bytes(), early].concat()).unwrap();
        let mut received = Vec::new();
        while !received.ends_with(b"\x82\x05early") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            received.push(byte[0]);
        }
        socket.write_all(b"\x89\x81\x01\x02\x03\x04q\x88\x82\x00\x00\x00\x00\x03\xe8").unwrap();
        let mut rest = [0; 7];
        socket.read_exact(&mut rest).unwrap();
        received.extend(rest);

        let at = received.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        let frames = received.split_off(at);
        (String::from_utf8(received).unwrap().to_ascii_lowercase(), frames)
    }

    #[actix_web::test]
    async fn an_upgraded_connection_carries_frames_both_ways() {
        let server = HttpServer::new(|| App::new().route("/echo", web::to(echo)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);

        for connection in ["Upgrade", "keep-alive, Upgrade", "close, Upgrade"] {
            let (head, frames) = web::block(move || talk(address, connection)).await.unwrap();
            assert!(head.starts_with("http/1.1 101 switching protocols\r\n"), "{connection}: {head}");
            let mut names =
                head.lines().skip(1).filter_map(|line| line.split(':').next()).collect::<Vec<_>>();
            names.sort_unstable();
            assert_eq!(names, ["", "connection", "date", "sec-websocket-accept", "upgrade"], "{connection}");
            assert!(head.contains("\r\nconnection: upgrade\r\n"), "{connection}: {head}");
            assert!(head.contains("\r\nupgrade: websocket\r\n"), "{connection}: {head}");
            assert_eq!(frames, b"\x82\x05early\x8a\x01p\x88\x02\x03\xe8", "{connection}");
        }
        handle.stop(false).await;
    }
}
