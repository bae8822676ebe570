//! TLS: who the server is, and that it stays who it was.

use std::{collections::BTreeMap, io::Write as _, time::Duration};

use rcgen::{CertificateParams, KeyPair};
use server::kubernetes::Listener;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use super::house::{House, Said, trusting};

#[tokio::test]
async fn the_authority_survives_restarts() {
    let mut house = House::new().await;
    house.stop().await;
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let again = Listener::open(&house.server.state, socket).await.expect("a listener");
    assert_eq!(again.address().authority.as_deref(), Some(house.authority.as_str()));
    let port = again.address().server.rsplit(':').next().expect("a port").to_owned();
    let task = tokio::spawn(again.serve(std::future::pending()));
    // Who trusted the first one trusts the second, by each of its names.
    for host in ["127.0.0.1", "localhost"] {
        let said = Said::of(house.client.get(format!("https://{host}:{port}/version"))).await;
        assert_eq!(said.status, 200, "{host}");
    }
    let others = trusting(&self_signed("localhost").0);
    assert!(others.get(format!("https://localhost:{port}/version")).send().await.is_err());
    task.abort();
}

/// Sealed with the operator's secret; without that secret the listener does not start with another authority.
#[tokio::test]
async fn the_authority_is_sealed() {
    let secret = ("GUILDHALL_SECRET_KEY", "a secret of the operator, long enough");
    let house = House::with(&[secret]).await;
    let (sealed, key): (bool, Vec<u8>) = sqlx::query_as("SELECT sealed, private_key FROM kubernetes_authority")
        .fetch_one(&house.server.database.pool)
        .await
        .expect("an authority");
    assert!(sealed && KeyPair::try_from(key).is_err());
    let mut backend = house.server.state.backend.clone();
    backend.settings = std::sync::Arc::new(backend::Settings::default());
    let state = server::AppState {
        backend,
        ..house.server.state.clone()
    };
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let refused = Listener::open(&state, socket).await.err().expect("refused");
    assert!(format!("{refused:#}").contains("GUILDHALL_SECRET_KEY"), "{refused:#}");
}

#[tokio::test]
async fn the_operators_certificate_is_read_again_when_it_changes() {
    let (first, first_key) = self_signed("localhost");
    let (second, second_key) = self_signed("localhost");
    let dir = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
    let write = |texts: &BTreeMap<&std::path::Path, &str>| {
        for (path, text) in texts {
            let mut file = std::fs::File::create(path).expect("a file");
            file.write_all(text.as_bytes()).expect("written");
        }
    };
    write(&[(certificate.as_path(), first.as_str()), (key.as_path(), first_key.as_str())].into());
    let house = House::with(&[
        ("GUILDHALL_KUBERNETES_CERTIFICATE_FILE", certificate.to_str().expect("text")),
        ("GUILDHALL_KUBERNETES_KEY_FILE", key.to_str().expect("text")),
    ])
    .await;
    let url = format!("{}/version", house.url.replace("127.0.0.1", "localhost"));
    let trusts = async |pem: &str| trusting(pem).get(&url).send().await.is_ok();
    assert!(trusts(&first).await && !trusts(&second).await);
    write(&[(certificate.as_path(), second.as_str()), (key.as_path(), second_key.as_str())].into());
    for _ in 0..60 {
        if trusts(&second).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the new certificate is not shown");
}

/// Who does not speak TLS holds nobody up.
#[tokio::test]
async fn slow_handshakes_are_ended() {
    let house = House::new().await;
    let address = house.url.trim_start_matches("https://").to_owned();
    let mut silent = tokio::net::TcpStream::connect(&address).await.expect("connected");
    silent.write_all(b"\x16").await.expect("sent");
    assert_eq!(house.get("/version").await.status, 200, "others are answered meanwhile");
    let mut byte = [0; 1];
    let read = tokio::io::AsyncReadExt::read(&mut silent, &mut byte);
    let ended = tokio::time::timeout(Duration::from_secs(20), read).await.expect("ended");
    assert!(matches!(ended, Ok(0) | Err(_)));
}

#[tokio::test]
async fn both_versions_of_http() {
    let house = House::new().await;
    let said = house.client.get(format!("{}/version", house.url)).send().await.expect("an answer");
    assert!(matches!(said.version(), reqwest::Version::HTTP_11 | reqwest::Version::HTTP_2));
    let certificate = reqwest::Certificate::from_pem(house.authority.as_bytes()).expect("PEM");
    let old = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .http1_only()
        .build()
        .expect("a client");
    let said = old.get(format!("{}/version", house.url)).send().await.expect("an answer");
    assert_eq!((said.status().as_u16(), said.version()), (200, reqwest::Version::HTTP_11));
}

/// A certificate that vouches for itself, and its key: PEM.
pub fn self_signed(name: &str) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("signed");
    (certificate.pem(), key.serialize_pem())
}
