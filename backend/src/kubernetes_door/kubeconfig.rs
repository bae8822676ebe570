//! The file that tells kubectl where Guildhall is and who calls.

use base64::{Engine, engine::general_purpose::STANDARD};

/// What a kubeconfig says. Not printable by accident: it holds a token.
pub struct Kubeconfig<'a> {
    /// `https://127.0.0.1:6443`
    pub server: &'a str,
    /// What the server's certificate is verified by, PEM; none where the system's own authorities do.
    pub authority: Option<&'a str>,
    /// A personal access token.
    pub token: &'a str,
    /// The namespace that kubectl takes when the command names none.
    pub namespace: Option<&'a str>,
    /// Whose it is: an email address.
    pub user: &'a str,
}

/// The file's text. Its names say `guildhall`, so that it can be merged into what else kubectl knows. Strings are
/// written as JSON, which is YAML and needs no thought about quoting.
pub fn text(config: &Kubeconfig<'_>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let authority = config.authority.map_or(String::new(), |pem| {
        format!("\n    certificate-authority-data: {}", STANDARD.encode(pem))
    });
    let namespace = config.namespace.map_or(String::new(), |namespace| {
        format!("\n    namespace: {}", quoted(namespace))
    });
    let (server, user, token) = (quoted(config.server), quoted(config.user), quoted(config.token));
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: guildhall
  cluster:
    server: {server}{authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: guildhall
  context:
    cluster: guildhall
    user: {user}{namespace}
current-context: guildhall
"
    )
}

#[cfg(test)]
mod tests {
    use super::{Kubeconfig, text};

    #[test]
    fn a_kubeconfig_holds_what_kubectl_needs_and_no_more() {
        let mut config = Kubeconfig {
            server: "https://127.0.0.1:6443",
            authority: Some("PEM"),
            token: "guildhall_pat_x",
            namespace: Some("acme"),
            user: "ada@example.com",
        };
        let whole = text(&config);
        assert!(whole.contains("    server: \"https://127.0.0.1:6443\"\n    certificate-authority-data: UEVN\n"));
        assert!(whole.contains("    user: \"ada@example.com\"\n    namespace: \"acme\"\n"));
        config.authority = None;
        config.namespace = None;
        let bare = text(&config);
        assert!(!bare.contains("certificate-authority") && !bare.contains("namespace"));
        assert!(bare.ends_with("current-context: guildhall\n"));
    }
}
