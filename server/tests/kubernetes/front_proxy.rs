//! Behind a cluster: who shows a certificate of the front proxy's authority says who calls.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client, Identity};

use super::house::{ADMIN, GROUP, House, NOBODY, Said};

/// An authority of front proxies.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "front proxies");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self { params, key }
    }

    fn pem(&self) -> String {
        self.params.self_signed(&self.key).expect("signed").pem()
    }

    /// A client with a certificate of this authority.
    fn client(&self, house: &House, name: &str) -> Client {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("signed").pem();
        let identity = Identity::from_pem(format!("{certificate}{}", key.serialize_pem()).as_bytes());
        Client::builder()
            .tls_certs_only([Certificate::from_pem(house.authority.as_bytes()).expect("PEM")])
            .identity(identity.expect("an identity"))
            .build()
            .expect("a client")
    }
}

async fn ask(house: &House, client: &Client, path: &str, user: &str) -> Said {
    let request = client
        .get(format!("{}{path}", house.url))
        .header("x-remote-user", user)
        .header("x-remote-group", "system:masters");
    Said::of(request).await
}

#[tokio::test]
async fn a_verified_proxy_says_who_calls() {
    let authority = Authority::new();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), authority.pem()).expect("written");
    let house = House::with(&[
        ("GUILDHALL_KUBERNETES_FRONT_PROXY_CA_FILE", file.path().to_str().expect("text")),
        ("GUILDHALL_KUBERNETES_FRONT_PROXY_NAMES", "front-proxy-client, other"),
    ])
    .await;
    let proxy = authority.client(&house, "front-proxy-client");
    // What a cluster asks on its own behalf is the same for everybody.
    for path in ["/apis", GROUP, "/openapi/v2", "/openapi/v3"] {
        assert_eq!(ask(&house, &proxy, path, "system:kube-aggregator").await.status, 200, "{path}");
    }
    let teams = House::collection("teams");
    for stranger in ["system:kube-aggregator", "stranger@example.com", "kubernetes-admin"] {
        ask(&house, &proxy, &teams, stranger).await.refused(403, "Forbidden");
    }
    // An allowed name, an allowed name that is not the proxy's, and a proxy that speaks for nobody.
    let wrong = authority.client(&house, "somebody-else");
    ask(&house, &wrong, "/apis", ADMIN).await.refused(401, "Unauthorized");
    let nobody = proxy.get(format!("{}/apis", house.url));
    Said::of(nobody).await.refused(401, "Unauthorized");
    // Without a certificate, and with one of another authority.
    ask(&house, &house.client, "/apis", ADMIN).await.refused(401, "Unauthorized");
    let other = Authority::new().client(&house, "front-proxy-client");
    let refused = other.get(format!("{}/version", house.url)).send().await;
    assert!(refused.is_err(), "an unknown authority's certificate ends the handshake");
    // A token works beside it.
    let with_token = proxy.get(format!("{}/apis", house.url)).bearer_auth(&house.token);
    assert_eq!(Said::of(with_token).await.status, 200);
}

/// Groups give nothing: a person may do what Guildhall says.
#[tokio::test]
async fn people_behind_a_proxy_have_their_own_rights() {
    let authority = Authority::new();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), authority.pem()).expect("written");
    let house = House::with(&[(
        "GUILDHALL_KUBERNETES_FRONT_PROXY_CA_FILE",
        file.path().to_str().expect("text"),
    )])
    .await;
    let proxy = authority.client(&house, "any");
    assert_eq!(ask(&house, &proxy, &House::collection("teams"), ADMIN).await.status, 200);
    ask(&house, &proxy, &House::collection("teams"), NOBODY).await.refused(404, "NotFound");
}

#[tokio::test]
async fn without_a_configured_authority_headers_count_for_nothing() {
    let house = House::new().await;
    ask(&house, &house.client, "/apis", ADMIN).await.refused(401, "Unauthorized");
}
