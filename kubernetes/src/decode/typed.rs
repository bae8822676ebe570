//! `spec` with its type.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Failure, Object, spec};

impl Object {
    /// `spec` of a Team.
    pub fn team(&self) -> Result<spec::Team, Failure> {
        self.typed()
    }

    /// `spec` of a User.
    pub fn user(&self) -> Result<spec::User, Failure> {
        self.typed()
    }

    /// `spec` of a TeamMemberAssociation.
    pub fn association(&self) -> Result<spec::Association, Failure> {
        self.typed()
    }

    /// `spec` of a VirtualKey.
    pub fn virtual_key(&self) -> Result<spec::VirtualKey, Failure> {
        self.typed()
    }

    fn typed<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(Value::Object(self.spec.clone())).map_err(|error| super::unreadable(self, &error))
    }
}
