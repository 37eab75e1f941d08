//! Clients that do not read, behind TLS.

use std::{
    io::{ErrorKind, Read, Write},
    sync::Arc,
    time::Duration,
};

use actix_signalr::HttpConnectionOptions;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, Stream,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
};

use crate::{
    http::connect,
    server::{Server, Setup},
    web_socket::{TEXT, UPGRADE, frame},
};

/// A server's configuration, and the certificate by which it is known.
fn certificate() -> (ServerConfig, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (config, cert.der().clone())
}

fn trusting(certificate: CertificateDer<'static>) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
}

#[test]
fn a_client_that_does_not_read_is_cut_off_behind_tls_too() {
    let (config, certificate) = certificate();
    let route = HttpConnectionOptions::default().transport_send_timeout(Duration::from_secs(1));
    let server = Server::start(Setup { route, tls: Some(config), ..Setup::default() });

    let mut socket = connect(server.address).into_inner();
    let mut session = trusting(certificate);
    let mut client = Stream::new(&mut session, &mut socket);
    client.write_all(format!("GET /hub HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}\r\n").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    let records = "{\"protocol\":\"json\",\"version\":1}\x1e\
                   {\"type\":1,\"target\":\"Large\",\"invocationId\":\"1\",\"arguments\":[12000000]}\x1e";
    client.write_all(&frame(TEXT, records.as_bytes())).unwrap();

    assert_eq!(server.end().as_deref(), Some("the client does not read what it is sent"));
    let mut buffer = vec![0; 65_536];
    let end = loop {
        match socket.read(&mut buffer) {
            Ok(0) => break None,
            Ok(_) => {}
            Err(err) => break Some(err.kind()),
        }
    };
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
}
