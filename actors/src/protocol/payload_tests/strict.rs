//! What is taken and what is refused, as by the original.

use super::{from_json, from_messagepack, messagepack};
use crate::protocol::smoke::Everything;

#[test]
fn json_is_read_as_strictly_as_the_original_reads_it() {
    let reads = |text: &str| from_json::<Everything>(text).is_some();
    for text in [
        "{}",
        r#"{"id":-0,"big":-9223372036854775808,"maybe":2147483647}"#,
        r#"{"Id":1,"TEXT":"t","is_last":true,"ISLAST":false,"\u0069d":2}"#,
        r#"{"text":null,"bytes":null,"numbers":null,"child":null,"map":null,"maybe":null}"#,
        r#"{"nope":[1,{"a":"\ud800"}],"id":1}"#,
        r#"{"ratio":1}"#,
        r#"{"ratio":-1.5E+2}"#,
        r#"{"ratio":1e400}"#,
        r#"{"bytes":"+/+/"}"#,
        r#"{"bytes":" A Q\nID"}"#,
        r#"{"bytes":"\u0041Q=="}"#,
        r#"{"guid":"3F2504E0-4F89-11D3-9A0C-0305E82C3301"}"#,
        r#"{"guid":"\u0033f2504e0-4f89-11d3-9a0c-0305e82c3301"}"#,
        r#"{"map":{"a":null,"a":"1"}}"#,
        r#"{"child":{"id":1,"child":{}}}"#,
    ] {
        assert!(reads(text), "{text}");
    }
    for text in [
        "[]",
        "[1,2]",
        "\"x\"",
        "1",
        "null",
        r#"{"id":1.0}"#,
        r#"{"id":1e0}"#,
        r#"{"id":-0.0}"#,
        r#"{"id":"1"}"#,
        r#"{"id":null}"#,
        r#"{"id":true}"#,
        r#"{"id":2147483648}"#,
        r#"{"big":9223372036854775808}"#,
        r#"{"big":1.0}"#,
        r#"{"ratio":"1"}"#,
        r#"{"ratio":"NaN"}"#,
        r#"{"flag":1}"#,
        r#"{"flag":"true"}"#,
        r#"{"flag":null}"#,
        r#"{"text":1}"#,
        r#"{"text":["t"]}"#,
        r#"{"text":"\ud800"}"#,
        r#"{"\ud800":1}"#,
        r#"{"bytes":[1,2,3]}"#,
        r#"{"bytes":"***"}"#,
        r#"{"bytes":"AQI"}"#,
        r#"{"bytes":"AQ="}"#,
        r#"{"bytes":"AR=="}"#,
        r#"{"bytes":"-_-_"}"#,
        r#"{"guid":null}"#,
        r#"{"guid":1}"#,
        r#"{"guid":"3f2504e04f8911d39a0c0305e82c3301"}"#,
        r#"{"guid":"{3f2504e0-4f89-11d3-9a0c-0305e82c3301}"}"#,
        r#"{"guid":"urn:uuid:3f2504e0-4f89-11d3-9a0c-0305e82c3301"}"#,
        r#"{"guid":" 3f2504e0-4f89-11d3-9a0c-0305e82c3301"}"#,
        r#"{"numbers":{}}"#,
        r#"{"numbers":[1,null]}"#,
        r#"{"numbers":[1,"2"]}"#,
        r#"{"map":[]}"#,
        r#"{"map":{"a":1}}"#,
        r#"{"map":{"\ud800":"a"}}"#,
        r#"{"child":[]}"#,
        r#"{"maybe":"1"}"#,
    ] {
        assert!(!reads(text), "{text}");
    }
    let nested = |levels: usize| {
        let open = r#"{"child":"#.repeat(levels);
        format!("{open}null{}", "}".repeat(levels))
    };
    assert!(reads(&nested(64)) && !reads(&nested(65)) && !reads(&nested(20_000)));
}

#[test]
fn messagepack_is_read_as_strictly_as_the_original_reads_it() {
    let member = |name: &str, value: &[u8]| [&[0x81][..], &messagepack(name), value].concat();
    let reads = |name: &str, value: &[u8]| from_messagepack::<Everything>(&member(name, value)).is_some();
    let guid = messagepack("3F2504E0-4F89-11D3-9A0C-0305E82C3301");
    for (name, value) in [
        ("Id", &[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..]),
        ("Id", &[0xcf, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
        ("id", &[0xa0]),
        ("Nope", &[0x91, 0x81, 0xa1, 0x61, 0xc0]),
        ("Ratio", &[0x03]),
        ("Ratio", &[0xfd]),
        ("Ratio", &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("Ratio", &[0xca, 0x3f, 0xa0, 0, 0]),
        ("Ratio", &[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]),
        ("Bytes", &[0xa4, 0x41, 0x51, 0x49, 0x44]),
        ("Bytes", &[0xc6, 0, 0, 0, 1, 5]),
        ("Bytes", &[0xc0]),
        ("Text", &[0xa1, 0xff]),
        ("Guid", &guid),
        ("Numbers", &[0x92, 0xcf, 0, 0, 0, 0, 0, 0, 0, 5, 0xff]),
        ("Map", &[0x81, 0xa1, 0x61, 0xc0]),
        ("Child", &[0x80]),
        ("Maybe", &[0xc0]),
    ] {
        assert!(reads(name, value), "{name} {value:x?}");
    }
    for (name, value) in [
        ("Id", &[0xc0][..]),
        ("Id", &[0xa1, 0x31]),
        ("Id", &[0xca, 0x3f, 0x80, 0, 0]),
        ("Id", &[0xce, 0x80, 0, 0, 0]),
        ("Id", &[0xc3]),
        ("Id", &[0xc4, 1, 5]),
        ("Id", &[0xd4, 5, 1]),
        ("Big", &[0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
        ("Big", &[0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("Ratio", &[0xa1, 0x31]),
        ("Flag", &[0x01]),
        ("Flag", &[0xc0]),
        ("Text", &[0x01]),
        ("Text", &[0xc4, 1, 0x41]),
        ("Bytes", &[0x92, 1, 2]),
        ("Bytes", &[0x80]),
        ("Bytes", &[0xd4, 5, 1]),
        ("Guid", &[0xc0]),
        ("Guid", &[0xa1, 0x78]),
        ("Guid", &[0xc4, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        ("Numbers", &[0x91, 0xc0]),
        ("Numbers", &[0x80]),
        ("Numbers", &[0xc4, 1, 5]),
        ("Numbers", &[0x9f, 1]),
        ("Map", &[0x90]),
        ("Map", &[0x81, 1, 0xa1, 0x61]),
        ("Map", &[0x81, 0xc0, 0xa1, 0x61]),
        ("Map", &[0x81, 0xa1, 0x61, 1]),
        ("Child", &[0x90]),
        ("Maybe", &[0xa1, 0x31]),
        ("Nope", &[0xc1]),
    ] {
        assert!(!reads(name, value), "{name} {value:x?}");
    }
    for data in [
        &[0x90][..],
        &[0x93, 1, 2, 3],
        &[0xa1, 0x78],
        &[0x81, 0, 1],
        &[0x81, 0xc4, 2, 0x49, 0x64, 1],
        &[0x81, 0xc0, 1],
    ] {
        assert!(from_messagepack::<Everything>(data).is_none(), "{data:x?}");
    }
    let nested = |levels| [b"\x81\xa5Child".repeat(levels), vec![0xc0]].concat();
    let reads = |levels| from_messagepack::<Everything>(&nested(levels)).is_some();
    assert!(reads(50) && reads(128) && !reads(129) && !reads(20_000));
    assert_eq!(
        from_messagepack::<String>(&[0xa3, 0xed, 0xa0, 0x80]).as_deref(),
        Some("\u{fffd}\u{fffd}\u{fffd}")
    );
}
