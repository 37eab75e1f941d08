//! Envelopes against the bytes of the original, and against what is none.

use super::*;
use crate::protocol::ProtocolSet;

fn hex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect::<Vec<_>>()
        .into()
}

fn message(text: &str) -> SerializedMessage {
    SerializedMessage::invocation("Message", &(text,), ProtocolSet::ALL).unwrap()
}

/// Recorded on a server of the original: `Message("Hello")` to all.
const HELLO: &str = "92 90 82 A4 6A736F6E C4 34 \
    7B2274797065223A312C22746172676574223A224D657373616765222C22617267756D656E7473223A5B2248656C6C6F225D7D 1E \
    AB 6D6573736167657061636B C4 15 14 96 01 80 C0 A7 4D657373616765 91 A5 48656C6C6F 90";

#[test]
fn a_message_for_clients_has_the_bytes_of_the_original() {
    assert_eq!(Envelope::write(&[], &message("Hello"), None), hex(HELLO));

    let excluded = ["lPINJQhU1Jf0y6QJNMQQZw".into()];
    let written = Envelope::write(&excluded, &message("m"), None);
    assert_eq!(
        written,
        hex("92 91 B6 6C50494E4A516855314A66307936514A4E4D51515A77 82 A4 6A736F6E C4 30 \
            7B2274797065223A312C22746172676574223A224D657373616765222C22617267756D656E7473223A5B226D225D7D1E \
            AB 6D6573736167657061636B C4 11 10 96 01 80 C0 A7 4D657373616765 91 A1 6D 90")
    );

    let many: Vec<ConnectionId> = (0..17).map(|n| format!("c{n}").into()).collect();
    assert_eq!(Envelope::write(&many, &message("m"), None)[1..4], [0xdc, 0, 17]);
}

#[test]
fn a_question_says_where_its_answer_is_to_go() {
    let id = "LaEJJ1FqFECcZH2MapMZtw";
    let question =
        SerializedMessage::question(id, "Question", &("q",), ProtocolSet::ALL, NamingPolicy::default());
    let asked_by = AskedBy {
        invocation_id: id.into(),
        return_channel: "Golden.BothHub:internal:return:vm_8398e8e2f40d4d23abdc855553a38ff0".into(),
    };
    let written = Envelope::write(&[], &question.unwrap(), Some(&asked_by));
    assert_eq!((written.len(), written[0]), (244, 0x94));
    assert!(written.ends_with(b"_8398e8e2f40d4d23abdc855553a38ff0"));
    assert_eq!(Envelope::read(&written).unwrap().asked_by, Some(asked_by));
}

#[test]
fn group_commands_and_acknowledgements_have_the_bytes_of_the_original() {
    for (id, action, bytes) in [
        (42, GroupAction::Add, "95 2A A1 53 01 A1 47 A1 43"),
        (42, GroupAction::Remove, "95 2A A1 53 02 A1 47 A1 43"),
    ] {
        let command =
            GroupCommand { id, server: "S".into(), action, group: "G".into(), connection_id: "C".into() };
        assert_eq!(command.write(), hex(bytes));
        assert_eq!(GroupCommand::read(&hex(bytes)), Some(command));
    }
    for (id, bytes) in [
        (0, "91 00"),
        (42, "91 2A"),
        (180, "91 CC B4"),
        (384, "91 CD 01 80"),
        (70_000, "91 CE 00 01 11 70"),
        (i32::MAX, "91 CE 7F FF FF FF"),
        (-1, "91 FF"),
    ] {
        assert_eq!(write_ack(id), hex(bytes));
        assert_eq!(read_ack(&hex(bytes)), Some(id));
    }
    assert_eq!(read_ack(&hex("91 CF 00 00 00 00 00 00 00 05")), Some(5), "any width is read");
    assert_eq!(read_ack(&hex("91 CE 80 00 00 00")), None, "and no more than 32 bits");
    assert_eq!(GroupCommand::read(&hex("95 2A A1 53 09 A1 47 A1 43")).unwrap().action, GroupAction::Unknown);
    assert!(
        GroupCommand::read(&hex("96 2A A1 53 01 A1 47 A1 43 C0")).is_some(),
        "more items are passed over"
    );
}

#[test]
fn an_answer_travels_in_its_clients_protocol() {
    let naming = NamingPolicy::default();
    let yes = hex(
        "92 AB 6D6573736167657061636B C4 20 1F 95 03 80 B6 4C61454A4A314671464543635A48324D61704D5A7477 03 A3 796573",
    );
    let answer = ReturnedAnswer::read(&yes, naming).unwrap();
    assert_eq!(&*answer.invocation_id, "LaEJJ1FqFECcZH2MapMZtw");
    let CompletionResult::Value(value) = &answer.outcome else { panic!("no value") };
    assert_eq!(value.read::<String>().unwrap(), "yes");
    assert_eq!(ReturnedAnswer::write(HubProtocol::MessagePack, &answer.invocation_id, &answer.outcome), yes);

    let no = hex(
        "92 AB 6D6573736167657061636B C4 1F 1E 95 03 80 B6 7076386A7972673864304F382B3950314D5235357A51 01 A2 6E6F",
    );
    let answer = ReturnedAnswer::read(&no, naming).unwrap();
    assert!(matches!(&answer.outcome, CompletionResult::Error(error) if error == "no"));
    assert_eq!(ReturnedAnswer::write(HubProtocol::MessagePack, &answer.invocation_id, &answer.outcome), no);

    let nothing = ReturnedAnswer::write(HubProtocol::Json, "1", &CompletionResult::Nothing);
    assert_eq!(
        nothing,
        hex("92 A4 6A736F6E C4 1E 7B2274797065223A332C22696E766F636174696F6E4964223A2231227D 1E")
    );
    assert!(matches!(ReturnedAnswer::read(&nothing, naming).unwrap().outcome, CompletionResult::Nothing));
    assert!(ReturnedAnswer::read(&hex("92 A1 78 C4 01 78"), naming).is_none(), "a protocol nobody knows");
    assert!(ReturnedAnswer::read(&hex("92 A4 6A736F6E C4 02 7B 7D"), naming).is_none(), "no frame");
}

#[test]
fn messages_in_other_forms_are_read_as_well() {
    let frames = "82 A4 6A736F6E C4 01 2A AB 6D6573736167657061636B C4 01 2B";
    for (form, name) in [
        (format!("92 90 {frames}"), "two items"),
        (format!("93 90 {frames} A1 78"), "three items"),
        (format!("94 90 {frames} C0 C0"), "nil for who asks"),
        (format!("95 90 {frames} C0 C0 81 A1 78 01"), "five items"),
        (format!("92 90 {frames} 01 02"), "bytes behind it"),
        (format!("DC 00 02 DD 00 00 00 00 {frames}"), "wide formats"),
        (
            "92 90 84 A1 78 C4 01 00 AB 6D6573736167657061636B C5 00 01 2B A4 6A736F6E C6 00 00 00 01 2A A1 79 C0"
                .into(),
            "another order and unknown protocols",
        ),
    ] {
        let read = Envelope::read(&hex(&form)).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(read.message.encoded(HubProtocol::Json).unwrap(), "*", "{name}");
        assert_eq!(read.message.encoded(HubProtocol::MessagePack).unwrap(), "+", "{name}");
        assert_eq!((read.except, read.asked_by), (vec![], None), "{name}");
    }
}

#[test]
fn what_is_no_envelope_is_dropped_and_harms_nobody() {
    let hello = hex(HELLO);
    let nothing: Vec<Bytes> = vec![
        Bytes::new(),
        Bytes::from_static(b"garbage"),
        hex("91 90"),
        hex("80"),
        hex("DD FF FF FF FF"),
        vec![0x91; 5000].into(),
        hex("92 C0 80"),
        hex("92 90 81 A4 6A736F6E A1 2A"),
        hex("94 90 80 01 02"),
    ];
    for payload in nothing.into_iter().chain((0..hello.len()).map(|end| hello.slice(..end))) {
        assert!(Envelope::read(&payload).is_none(), "{payload:x?}");
        assert!(GroupCommand::read(&payload).is_none());
        assert!(ReturnedAnswer::read(&payload, NamingPolicy::default()).is_none());
        assert!(ControlMessage::read(&payload).is_none());
    }
}

#[test]
fn a_control_message_of_another_version_is_passed_over() {
    let message = ControlMessage { kind: "disconnect".into(), body: Bytes::from_static(&[1, 2]) };
    let written = message.write();
    assert_eq!(ControlMessage::read(&written), Some(message));
    let mut other = written.to_vec();
    other[1] = 2;
    assert_eq!(ControlMessage::read(&other.into()), None);
}
