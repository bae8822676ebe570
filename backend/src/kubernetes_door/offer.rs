//! Kubeconfigs that people make for themselves, while there is a listener to use them with.

use chrono::TimeDelta;
use domain::TokenName;
use kubernetes::Reason;

use super::{Address, Kubeconfig, address, text};
use crate::{Code, Ctx, Error, Result, objects, tokens};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct NewKubeconfig {
    /// How long its token works.
    pub lifetime: TimeDelta,
    /// The namespace that commands are about when they name none.
    pub namespace: Option<String>,
}

/// Where the Kubernetes API is reached, while a listener is in use; which process has it does not matter.
///
/// # Errors
/// When the database does not answer.
pub async fn offered(ctx: &mut Ctx) -> Result<Option<Address>> {
    if objects::is_in_use(ctx).await? {
        address(ctx).await
    } else {
        Ok(None)
    }
}

/// Makes a token of the caller, named "kubeconfig", and gives the kubeconfig with it: nothing can show it again.
///
/// # Errors
/// 503 while there is no listener; when the caller does not see the namespace.
pub async fn create(ctx: &mut Ctx, new: &NewKubeconfig) -> Result<String> {
    let (owner, user) = {
        let person = ctx.person()?;
        (person.id, person.email.clone())
    };
    let Some(address) = offered(ctx).await? else {
        let why = "The Kubernetes API is off. Whoever runs Guildhall turns it on with `serve --kube-listen`.";
        return Err(Error::Unavailable(Code::NotConfigured, why.to_owned(), None));
    };
    if let Some(namespace) = &new.namespace {
        objects::namespace(ctx, namespace).await.map_err(|failure| {
            if failure.reason == Reason::NotFound {
                Error::invalid("namespace", "must be one that you see")
            } else {
                Error::internal(failure.message)
            }
        })?;
    }
    let end = ctx.now + new.lifetime;
    let (_, secret) = tokens::create(ctx, owner, &TokenName::parse("kubeconfig")?, Some(end)).await?;
    Ok(text(&Kubeconfig {
        server: &address.server,
        authority: address.authority.as_deref(),
        token: secret.reveal(),
        namespace: new.namespace.as_deref(),
        user: &user,
    }))
}
