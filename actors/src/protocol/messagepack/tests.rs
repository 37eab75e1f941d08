//! The tables of the protocol, byte for byte.

use super::*;
use crate::protocol::Payload;

/// Bytes from digits: `"91 06"`.
fn bytes(digits: &str) -> Bytes {
    let digits: String = digits.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn read(digits: &str) -> Result<HubMessage, String> {
    parse(&bytes(digits), NamingPolicy::default()).map_err(|err| err.to_string())
}

fn invocation(digits: &str) -> Invocation {
    match read(digits) {
        Ok(HubMessage::Invocation(invocation)) => invocation,
        other => panic!("{digits}: {other:?}"),
    }
}

const P: HubProtocol = HubProtocol::MessagePack;

#[test]
fn messages_are_written_as_the_original_writes_them() {
    let written = |write: &dyn Fn(&mut bytes::BytesMut)| {
        let mut out = bytes::BytesMut::new();
        write(&mut out);
        out.freeze()
    };
    let five = P.encode_payload(&5).unwrap();
    let nil = P.encode_payload(&()).unwrap();
    let naming = NamingPolicy::default();
    for (name, out, expected) in [
        (
            "invocation",
            written(&|out| P.write_client_invocation(None, "notify", &(7, "hi"), naming, out).unwrap()),
            "11 96 01 80 C0 A6 6E 6F 74 69 66 79 92 07 A2 68 69 90",
        ),
        (
            "question",
            written(&|out| P.write_client_invocation(Some("s1"), "Ask", &(4,), naming, out).unwrap()),
            "0D 96 01 80 A2 73 31 A3 41 73 6B 91 04 90",
        ),
        (
            "no arguments",
            written(&|out| P.write_client_invocation(None, "T", &(), naming, out).unwrap()),
            "08 96 01 80 C0 A1 54 90 90",
        ),
        ("item", written(&|out| P.write_stream_item("10", &five, out)), "07 94 02 80 A2 31 30 05"),
        ("result", written(&|out| P.write_result("9", &five, out)), "07 95 03 80 A1 39 03 05"),
        ("nil", written(&|out| P.write_result("9", &nil, out)), "07 95 03 80 A1 39 03 C0"),
        ("error", written(&|out| P.write_error("9", "bad", out)), "0A 95 03 80 A1 39 01 A3 62 61 64"),
        ("empty error", written(&|out| P.write_error("9", "", out)), "07 95 03 80 A1 39 01 A0"),
        ("end", written(&|out| P.write_completion_end("10", out)), "07 94 03 80 A2 31 30 02"),
        ("cancel", written(&|out| P.write_cancel("10", out)), "06 93 05 80 A2 31 30"),
        ("ping", P.ping(), "02 91 06"),
        ("close", P.close(None, false), "04 93 07 C0 C2"),
        ("close, come back", P.close(None, true), "04 93 07 C0 C3"),
        ("close, error", P.close(Some("bye"), true), "07 93 07 A3 62 79 65 C3"),
        ("close, empty error", P.close(Some(""), false), "04 93 07 C0 C2"),
        ("ack", written(&|out| P.write_ack(300, out)), "05 92 08 CD 01 2C"),
        ("sequence", written(&|out| P.write_sequence(12, out)), "03 92 09 0C"),
    ] {
        assert_eq!(out, bytes(expected), "{name}");
    }
}

#[test]
fn lengths_grow_with_what_they_measure_and_messages_stand_one_behind_another() {
    let mut out = bytes::BytesMut::new();
    let mut starts = Vec::new();
    for length in
        [0, 100, 116, 117, 118, 119, 120, 121, 122, 5000, 16_370, 16_371, 16_372, 16_373, 16_374, 70_000]
    {
        starts.push(out.len());
        let result = Payload(vec![0x01; length].into());
        P.write_result("1", &result, &mut out);
    }
    let mut reader = crate::protocol::RecordReader::new(None);
    reader.use_protocol(P);
    let mut input = out.freeze();
    for (count, _) in starts.iter().enumerate() {
        let frame = reader.next(&mut input).unwrap().unwrap();
        assert_eq!(&frame[..6], &bytes("95 03 80 A1 31 03")[..], "{count}");
        assert!(frame[6..].iter().all(|byte| *byte == 1));
    }
    assert!(input.is_empty());
}

#[test]
fn a_bare_value_is_no_list_of_arguments() {
    let mut out = bytes::BytesMut::new();
    let naming = NamingPolicy::default();
    assert!(P.write_client_invocation(None, "T", &"text", naming, &mut out).is_err());
    assert!(P.write_client_invocation(None, "T", &Some(1), naming, &mut out).is_err());
    assert!(P.write_client_invocation(None, "T", &192, naming, &mut out).is_err());
}

#[test]
fn invocations_are_read() {
    let plain = invocation("96 01 80 A1 39 A3 53 75 6D 92 02 03 90");
    assert_eq!(plain.invocation_id.as_deref(), Some("9"));
    assert_eq!(plain.target, "Sum");
    assert!(!plain.streaming && plain.stream_ids.is_empty() && plain.fault.is_none());
    let mut reader = plain.arguments.reader();
    reader.expect(2).unwrap();
    assert_eq!((reader.next::<i32>(), reader.next::<i32>()), (Ok(Some(2)), Ok(Some(3))));
    assert_eq!((reader.next::<i32>(), reader.finish(2)), (Ok(None), Ok(())));

    let upload = invocation("96 01 80 A2 31 31 A6 55 70 6C 6F 61 64 90 91 A2 75 31");
    assert_eq!(upload.stream_ids, ["u1"]);
    let stream = invocation("96 04 80 A2 31 30 A5 54 69 63 6B 73 91 02 90");
    assert!(stream.streaming);
    for digits in [
        "96 01 81 A1 6B A1 76 C0 A1 54 90 90",
        "96 01 80 A0 A1 54 90 90",
        "95 01 80 C0 A1 54 90",
        "DC 00 06 CC 01 DE 00 00 C0 D9 01 54 DD 00 00 00 00 90",
        "97 D0 01 80 C0 A1 54 90 90 C1",
        "96 01 80 C0 A1 54 90 90 C1 C1",
    ] {
        let found = invocation(digits);
        assert_eq!((found.invocation_id, &*found.target), (None, "T"), "{digits}");
        assert!(found.stream_ids.is_empty() && found.fault.is_none());
    }
    let with_headers = invocation("96 01 81 A1 6B A1 76 C0 A1 54 90 90").headers.unwrap();
    assert_eq!((with_headers.find("k").as_deref(), with_headers.find("K")), (Some("v"), None));
    assert!(plain.headers.is_none() && !format!("{with_headers:?}").contains('v'));
    let mended = invocation("96 01 80 A3 61 FF E2 A2 62 FE 90 90");
    assert_eq!((mended.invocation_id.as_deref(), &*mended.target), (Some("a\u{fffd}\u{fffd}"), "b\u{fffd}"));
}

#[test]
fn a_broken_list_of_streams_is_a_fault_that_comes_behind_the_arguments() {
    for (digits, error) in [
        ("C0", "Reading array length for 'streamIds' failed."),
        ("80", "Reading array length for 'streamIds' failed."),
        ("95", "Reading array length for 'streamIds' failed."),
        ("", "Reading array length for 'streamIds' failed."),
        ("91 C0", "Null or empty value in streamIds received."),
        ("91 A0", "Null or empty value in streamIds received."),
        ("91 01", "Unexpected msgpack code 1 (positive fixint) encountered."),
        ("91 C4 01 00", "Unexpected msgpack code 196 (bin 8) encountered."),
        ("91 A5", "Attempted to read past the end of the stream."),
    ] {
        let found = invocation(&format!("96 01 80 A1 31 A1 54 91 05 {digits}"));
        assert_eq!(found.fault.map(|fault| fault.to_string()).as_deref(), Some(error), "{digits}");
    }
    // Arguments that are none cannot be bound; that goes first.
    for digits in ["C0", "80 90", "91", "91 C1 90", "DD FF FF FF FF A1 78 90", ""] {
        let found = invocation(&format!("96 01 80 A1 31 A1 54 {digits}"));
        let mut reader = found.arguments.reader();
        assert!(reader.expect(1).is_err() || reader.next::<String>().is_err(), "{digits}");
    }
}

#[test]
fn other_messages_are_read() {
    let Ok(HubMessage::StreamItem { stream_id, item }) = read("94 02 80 A2 31 30 05") else {
        panic!("no item")
    };
    assert_eq!((&*stream_id, item.read::<i32>()), ("10", Ok(5)));
    for digits in ["93 02 80 A1 73", "94 02 80 A1 73 C1"] {
        let Ok(HubMessage::StreamItem { item, .. }) = read(digits) else { panic!("{digits}") };
        assert!(item.read::<i32>().is_err(), "{digits}");
    }

    let completion = |digits| match read(digits) {
        Ok(HubMessage::Completion { result, .. }) => result,
        other => panic!("{digits}: {other:?}"),
    };
    assert!(matches!(completion("95 03 80 A1 39 03 05"), CompletionResult::Value(v) if v.read() == Ok(5)));
    assert!(
        matches!(completion("95 03 80 A1 39 03 C0"), CompletionResult::Value(v) if v.read() == Ok(None::<i32>))
    );
    assert!(matches!(completion("94 03 80 A1 39 03"), CompletionResult::Value(v) if v.check().is_err()));
    assert!(matches!(completion("95 03 80 A1 39 01 A3 62 61 64"), CompletionResult::Error(e) if e == "bad"));
    assert!(matches!(completion("95 03 80 A1 39 01 A0"), CompletionResult::Error(e) if e.is_empty()));
    assert!(matches!(completion("95 03 80 A1 39 01 C0"), CompletionResult::Nothing));
    assert!(matches!(completion("94 03 80 A1 39 02"), CompletionResult::Nothing));
    assert!(matches!(completion("95 03 80 A1 39 CF 00 00 00 00 00 00 00 02"), CompletionResult::Nothing));

    assert!(
        matches!(read("93 05 80 A2 31 30"), Ok(HubMessage::CancelInvocation { invocation_id }) if invocation_id == "10")
    );
    for ping in ["91 06", "93 06 C1 C1", "92 06 C0"] {
        assert!(matches!(read(ping), Ok(HubMessage::Ping)), "{ping}");
    }
    for (digits, expected) in [
        ("92 07 C0", None),
        ("93 07 C0 C2", None),
        ("91 07 C0 C1", None),
        ("93 07 A3 62 79 65 C3", Some("bye")),
    ] {
        assert!(
            matches!(read(digits), Ok(HubMessage::Close { error }) if error.as_deref() == expected),
            "{digits}"
        );
    }
    assert!(matches!(read("92 08 CD 01 2C"), Ok(HubMessage::Ack { sequence_id: 300 })));
    assert!(matches!(read("92 08 FF"), Ok(HubMessage::Ack { sequence_id: -1 })));
    assert!(matches!(read("92 09 0C"), Ok(HubMessage::Sequence { sequence_id: 12 })));
    for unknown in ["91 00", "91 FF", "91 63", "94 63 80 A1 31 C1", "91 D2 80 00 00 00", "91 CE 7F FF FF FF"]
    {
        assert!(matches!(read(unknown), Ok(HubMessage::Unknown)), "{unknown}");
    }
}

#[test]
fn a_broken_envelope_is_named() {
    let unexpected = |code: u8, name| format!("Unexpected msgpack code {code} ({name}) encountered.");
    let end = || "Attempted to read past the end of the stream.".to_owned();
    let not = |field: &str, wanted: &str| format!("Reading '{field}' as {wanted} failed.");
    let empty_id = |kind: &str| format!("Null or empty invocation ID for {kind} message.");
    let no_headers = || "Reading map length for 'headers' failed.".to_owned();
    for (digits, error) in [
        ("", end()),
        ("9F 01", end()),
        ("DC", end()),
        ("DD FF FF FF FF", end()),
        ("01", unexpected(1, "positive fixint")),
        ("FF", unexpected(255, "negative fixint")),
        ("81 A1 78 06", unexpected(129, "fixmap")),
        ("A1", unexpected(161, "fixstr")),
        ("C0", unexpected(192, "nil")),
        ("C1", unexpected(193, "(never used)")),
        ("C3", unexpected(195, "true")),
        ("C4", unexpected(196, "bin 8")),
        ("C7", unexpected(199, "ext 8")),
        ("CB", unexpected(203, "float 64")),
        ("D3", unexpected(211, "int 64")),
        ("D8", unexpected(216, "fixext 16")),
        ("DA", unexpected(218, "str 16")),
        ("DF", unexpected(223, "map 32")),
        ("90", not("messageType", "Int32")),
        ("91 A1 31", not("messageType", "Int32")),
        ("91 C0", not("messageType", "Int32")),
        ("91 CA 3F 80 00 00", not("messageType", "Int32")),
        ("91 CE 80 00 00 00", not("messageType", "Int32")),
        ("91 CF 80 00 00 00 00 00 00 00", not("messageType", "Int32")),
        ("91 D3 FF FF FF FF 00 00 00 00", not("messageType", "Int32")),
        ("91 01", no_headers()),
        ("91 05", no_headers()),
        ("92 05 C0", no_headers()),
        ("92 05 90", no_headers()),
        ("93 05 8F A1 31", no_headers()),
        ("93 05 DF FF FF FF FF A1 31", no_headers()),
        ("93 05 81 01 A1 62 A1 31", not("headers[0].Key", "String")),
        ("93 05 81 A1 61 01 A1 31", not("headers[0].Value", "String")),
        ("93 05 82 A1 61 A1 62 01 01 A1 31", not("headers[1].Key", "String")),
        ("93 05 81 C0 A1 62 A1 31", "Null or empty key in header.".into()),
        ("93 05 81 A0 A1 62 A1 31", "Null or empty key in header.".into()),
        ("93 05 81 A1 61 C0 A1 31", "Null or empty value in header.".into()),
        ("93 05 81 A1 61 A0 A1 31", "Null or empty value in header.".into()),
        (
            "93 05 82 A1 61 A1 62 A1 61 A1 63 A1 31",
            "An item with the same key has already been added. Key: a".into(),
        ),
        ("96 01 80 01 A1 54 90 90", not("invocationId", "String")),
        ("96 01 80 C4 01 31 A1 54 90 90", not("invocationId", "String")),
        ("92 05 80", not("invocationId", "String")),
        ("94 02 80 C0 05", empty_id("StreamItem")),
        ("94 02 80 A0 05", empty_id("StreamItem")),
        ("94 03 80 C0 02", empty_id("Completion")),
        ("94 03 80 A0 02", empty_id("Completion")),
        ("96 04 80 C0 A1 54 90 90", empty_id("StreamInvocation")),
        ("96 04 80 A0 A1 54 90 90", empty_id("StreamInvocation")),
        ("93 05 80 C0", empty_id("CancelInvocation")),
        ("93 05 80 A0", empty_id("CancelInvocation")),
        ("93 01 80 A1 31", not("target", "String")),
        ("96 01 80 A1 31 05 90 90", not("target", "String")),
        ("96 01 80 A1 31 A4 45 63", not("target", "String")),
        ("96 01 80 A1 31 C0 90 90", "Null or empty target for Invocation message.".into()),
        ("96 01 80 A1 31 A0 90 90", "Null or empty target for Invocation message.".into()),
        ("96 04 80 A1 31 C0 90 90", "Null or empty target for StreamInvocation message.".into()),
        ("95 03 80 A1 31 A1 31", not("resultKind", "Int32")),
        ("95 03 80 A1 31 CA 40 00 00 00", not("resultKind", "Int32")),
        ("94 03 80 A1 31", not("resultKind", "Int32")),
        ("94 03 80 A1 31 CE FF FF FF FF", not("resultKind", "Int32")),
        ("94 03 80 A1 31 00", "Invalid invocation result kind.".into()),
        ("95 03 80 A1 31 04 C0", "Invalid invocation result kind.".into()),
        ("95 03 80 A1 31 01 05", not("error", "String")),
        ("95 03 80 A1 31 01", not("error", "String")),
        ("91 07", not("error", "String")),
        ("92 07 05", not("error", "String")),
        ("93 07 C0 01", not("allowReconnect", "Boolean")),
        ("93 07 C0 C0", not("allowReconnect", "Boolean")),
        ("93 07 C0", end()),
        ("91 08", not("sequenceId", "Int64")),
        ("92 08 A1 31", not("sequenceId", "Int64")),
        ("92 08 CF FF FF FF FF FF FF FF FF", not("sequenceId", "Int64")),
        ("91 09", not("sequenceId", "Int64")),
    ] {
        assert_eq!(read(digits).expect_err(digits), error, "{digits}");
    }
}

/// Valid messages with bytes changed, left out and put in: the envelope and the arguments may be refused, and that is all.
#[test]
fn mutated_messages_do_no_harm() {
    let seeds = [
        "96 01 81 A1 6B A1 76 A1 39 A3 53 75 6D 92 02 82 A2 49 64 01 A1 61 CB 3F F0 00 00 00 00 00 00 91 A2 75 31",
        "96 04 80 A2 31 30 A5 54 69 63 6B 73 91 DA 00 02 41 42 90",
        "94 02 80 A2 31 30 93 C4 02 01 02 D6 FF 00 00 00 01 C0",
        "95 03 80 A1 39 03 DC 00 02 D1 80 00 CE 00 01 00 00",
        "95 03 80 A1 39 01 A3 62 61 64",
        "93 07 A3 62 79 65 C3",
        "92 08 CD 01 2C",
    ];
    crate::protocol::smoke::mutate(&seeds.map(|seed| bytes(seed).to_vec()), |data| {
        crate::protocol::smoke::try_all(HubProtocol::MessagePack, data);
    });
}
