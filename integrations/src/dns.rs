//! TXT records: what the owner of a domain says in the DNS.

use std::{net::SocketAddr, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData},
};

/// How long a question may take, tries and servers together.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No name server answered in time, or it failed.
    #[error("the DNS does not answer for {name}: {reason}")]
    Unavailable {
        /// The domain that was asked for.
        name: String,
        /// Why, in words.
        reason: String,
    },
}

/// The TXT records at a domain, each as one text; none when it has none, or does not exist.
///
/// Asks `server`, or the name servers that this machine is configured with. Nothing is kept from one question to the
/// next: people press the button again as soon as they have published the record.
///
/// # Errors
/// When no name server answers within five seconds.
pub async fn txt(server: Option<SocketAddr>, domain: &str) -> Result<Vec<String>, Error> {
    let unavailable = |reason: String| Error::Unavailable {
        name: domain.to_owned(),
        reason,
    };
    let mut name = Name::from_utf8(domain).map_err(|error| unavailable(error.to_string()))?;
    // As it stands: no search domain of this machine is put behind it.
    name.set_fqdn(true);
    let resolver = resolver(server).map_err(|error| unavailable(error.to_string()))?;
    let answer = tokio::time::timeout(TIMEOUT, resolver.txt_lookup(name)).await;
    match answer {
        Ok(Ok(lookup)) => Ok(lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
                _ => None,
            })
            .collect()),
        Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
        Ok(Err(error)) => Err(unavailable(error.to_string())),
        Err(_) => Err(unavailable("it took longer than 5 s".to_owned())),
    }
}

fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(address) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
            let server = NameServerConfig::new(address.ip(), true, connections.into());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
                .with_options(ResolverOpts::default())
        }
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = Duration::from_secs(2);
    options.attempts = 2;
    builder.build()
}
