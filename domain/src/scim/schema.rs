//! What is kept of people and groups, attribute by attribute (RFC 7643): the one table that reading, filters, PATCH and
//! `/Schemas` go by.

use serde_json::{Map, Value, json};

use super::{AttrPath, ENTERPRISE, GROUP, USER};

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// A time.
    Time,
    /// The address of something.
    Reference,
    /// An object of further attributes.
    Complex,
}

/// Who changes an attribute, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// The directory, at any time.
    ReadWrite,
    /// Guildhall.
    ReadOnly,
    /// The directory, once.
    Immutable,
}

/// An attribute, as RFC 7643, section 7 describes one.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name, as it is written.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it is a list.
    pub multi: bool,
    /// Whether a resource must have it.
    pub required: bool,
    /// Whether `A` and `a` differ in it.
    pub exact: bool,
    /// Who changes it.
    pub mutability: Mutability,
    /// Whether no two of an organization have the same one.
    pub unique: bool,
    /// Whether every answer has it.
    pub always: bool,
    /// Values that it usually has.
    pub canonical: &'static [&'static str],
    /// What it may refer to.
    pub refers_to: &'static [&'static str],
    /// What it consists of.
    pub sub: &'static [Attribute],
    /// What it means.
    pub description: &'static str,
}

const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Kind::Text,
        multi: false,
        required: false,
        exact: false,
        mutability: Mutability::ReadWrite,
        unique: false,
        always: false,
        canonical: &[],
        refers_to: &[],
        sub: &[],
        description,
    }
}

const fn boolean(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        kind: Kind::Boolean,
        ..text(name, description)
    }
}

const fn complex(name: &'static str, description: &'static str, sub: &'static [Attribute]) -> Attribute {
    Attribute {
        kind: Kind::Complex,
        sub,
        ..text(name, description)
    }
}

const fn list(name: &'static str, description: &'static str, sub: &'static [Attribute]) -> Attribute {
    Attribute {
        multi: true,
        ..complex(name, description, sub)
    }
}

const fn kinds(canonical: &'static [&'static str]) -> Attribute {
    Attribute {
        canonical,
        ..text("type", "What kind it is.")
    }
}

const PRIMARY: Attribute = boolean("primary", "Whether it is the preferred one. At most one is.");

/// The schema of people.
pub static USER_SCHEMA: Schema = Schema {
    urn: USER,
    name: "User",
    description: "User Account",
    attributes: &[
        Attribute {
            required: true,
            unique: true,
            ..text(
                "userName",
                "The directory's name of the person, unique in the organization: any text of at most 256 characters. Taken for the email address when it is one and emails has none.",
            )
        },
        complex(
            "name",
            "The parts of the person's name.",
            &[
                text("formatted", "The full name."),
                text("familyName", "The family name."),
                text("givenName", "The given name."),
                text("middleName", "The middle names."),
                text("honorificPrefix", "What goes before the name."),
                text("honorificSuffix", "What follows the name."),
            ],
        ),
        text("displayName", "The name that people see."),
        text("nickName", "How the person is called by others."),
        Attribute {
            kind: Kind::Reference,
            refers_to: &["external"],
            exact: true,
            ..text("profileUrl", "A page about the person.")
        },
        text("title", "The person's job, in words."),
        text("userType", "How the person belongs to the company."),
        text("preferredLanguage", "The person's language."),
        text("locale", "The person's place, for dates and numbers."),
        text("timezone", "The person's time zone."),
        boolean(
            "active",
            "Whether the person has access to the organization. True unless said otherwise.",
        ),
        list(
            "emails",
            "Email addresses. The primary one, else the first one, is the account's.",
            &[
                text("value", "The address."),
                kinds(&["work", "home", "other"]),
                PRIMARY,
                text("display", "The address as people see it."),
            ],
        ),
        list(
            "phoneNumbers",
            "Telephone numbers.",
            &[
                text("value", "The number."),
                kinds(&["work", "home", "mobile", "fax", "pager", "other"]),
                PRIMARY,
                text("display", "The number as people see it."),
            ],
        ),
        list(
            "addresses",
            "Postal addresses.",
            &[
                text("formatted", "The whole address."),
                text("streetAddress", "Street and number."),
                text("locality", "The town."),
                text("region", "The state or region."),
                text("postalCode", "The postal code."),
                text("country", "The country."),
                kinds(&["work", "home", "other"]),
                PRIMARY,
            ],
        ),
    ],
};

/// The extension for people of companies.
pub static ENTERPRISE_SCHEMA: Schema = Schema {
    urn: ENTERPRISE,
    name: "EnterpriseUser",
    description: "Enterprise User",
    attributes: &[
        text("employeeNumber", "The number of the person in the company."),
        text("costCenter", "The cost center."),
        text("organization", "The company."),
        text("division", "The division."),
        text("department", "The department."),
        complex(
            "manager",
            "The person's manager.",
            &[Attribute {
                exact: true,
                ..text(
                    "value",
                    "The id of the manager. It need not exist: directories send people in any order.",
                )
            }],
        ),
    ],
};

/// The schema of groups.
pub static GROUP_SCHEMA: Schema = Schema {
    urn: GROUP,
    name: "Group",
    description: "Group",
    attributes: &[
        Attribute {
            required: true,
            unique: true,
            ..text(
                "displayName",
                "The group's name, unique in the organization: at most 256 characters.",
            )
        },
        list(
            "members",
            "The people in the group.",
            &[
                Attribute {
                    exact: true,
                    mutability: Mutability::Immutable,
                    ..text("value", "The id of the person.")
                },
                Attribute {
                    kind: Kind::Reference,
                    exact: true,
                    mutability: Mutability::ReadOnly,
                    refers_to: &["User"],
                    ..text("$ref", "The address of the person.")
                },
                Attribute {
                    mutability: Mutability::ReadOnly,
                    ..text("display", "The person's userName.")
                },
                Attribute {
                    mutability: Mutability::ReadOnly,
                    canonical: &["User"],
                    ..text("type", "What the member is: always User.")
                },
            ],
        ),
    ],
};

/// What every resource has, and no schema lists (RFC 7643, section 3.1).
static COMMON: &[Attribute] = &[
    Attribute {
        exact: true,
        mutability: Mutability::ReadOnly,
        always: true,
        ..text("id", "Our id.")
    },
    Attribute {
        exact: true,
        ..text("externalId", "The directory's id.")
    },
    Attribute {
        multi: true,
        kind: Kind::Reference,
        exact: true,
        mutability: Mutability::ReadOnly,
        always: true,
        ..text("schemas", "The schemas.")
    },
    Attribute {
        mutability: Mutability::ReadOnly,
        ..complex(
            "meta",
            "About the resource.",
            &[
                text("resourceType", "User or Group."),
                Attribute {
                    kind: Kind::Time,
                    ..text("created", "When it was created.")
                },
                Attribute {
                    kind: Kind::Time,
                    ..text("lastModified", "When it last changed.")
                },
                text("location", "Its address."),
                text("version", "Its version."),
            ],
        )
    },
];

/// A schema.
#[derive(Debug)]
pub struct Schema {
    /// Its name everywhere.
    pub urn: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it describes.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

/// A kind of resource.
#[derive(Debug)]
pub struct Resource {
    /// `User` or `Group`.
    pub name: &'static str,
    /// Where it lives, below `/scim/v2`.
    pub endpoint: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Its schema.
    pub core: &'static Schema,
    /// What else it may have.
    pub extension: Option<&'static Schema>,
}

/// People.
pub static USERS: Resource = Resource {
    name: "User",
    endpoint: "/Users",
    description: "User Account",
    core: &USER_SCHEMA,
    extension: Some(&ENTERPRISE_SCHEMA),
};

/// Groups.
pub static GROUPS: Resource = Resource {
    name: "Group",
    endpoint: "/Groups",
    description: "Group",
    core: &GROUP_SCHEMA,
    extension: None,
};

/// All schemas.
pub static SCHEMAS: [&Schema; 3] = [&USER_SCHEMA, &ENTERPRISE_SCHEMA, &GROUP_SCHEMA];

/// What a path names.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// The extension that the attribute is in.
    pub extension: Option<&'static str>,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// The part of it.
    pub sub: Option<&'static Attribute>,
}

impl Found {
    /// What is compared, set or shown in the end.
    pub fn last(&self) -> &'static Attribute {
        self.sub.unwrap_or(self.attribute)
    }
}

/// An attribute of a list by its name.
pub(super) fn named(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

impl Resource {
    /// The attribute that a path names.
    pub fn find(&self, path: &AttrPath) -> Option<Found> {
        let is = |schema: &Schema| {
            path.schema
                .as_ref()
                .is_some_and(|urn| urn.eq_ignore_ascii_case(schema.urn))
        };
        let (extension, attribute) = match self.extension {
            Some(extension) if is(extension) => (Some(extension.urn), named(extension.attributes, &path.name)?),
            _ if path.schema.is_some() && !is(self.core) => return None,
            _ => (
                None,
                named(self.core.attributes, &path.name).or_else(|| named(COMMON, &path.name))?,
            ),
        };
        let sub = match &path.sub {
            Some(sub) => Some(named(attribute.sub, sub)?),
            None => None,
        };
        Some(Found {
            extension,
            attribute,
            sub,
        })
    }
}

impl Attribute {
    /// What a filter compares when it names the whole attribute: its `value` where there is one.
    pub fn compared(&'static self) -> Option<&'static Self> {
        match self.kind {
            Kind::Complex => named(self.sub, "value"),
            _ => Some(self),
        }
    }

    fn document(&self) -> Value {
        let mut map = Map::new();
        let kind = match self.kind {
            Kind::Text => "string",
            Kind::Boolean => "boolean",
            Kind::Time => "dateTime",
            Kind::Reference => "reference",
            Kind::Complex => "complex",
        };
        map.insert("name".to_owned(), json!(self.name));
        map.insert("type".to_owned(), json!(kind));
        map.insert("multiValued".to_owned(), json!(self.multi));
        map.insert("description".to_owned(), json!(self.description));
        map.insert("required".to_owned(), json!(self.required));
        if matches!(self.kind, Kind::Text | Kind::Reference) {
            map.insert("caseExact".to_owned(), json!(self.exact));
            map.insert(
                "uniqueness".to_owned(),
                json!(if self.unique { "server" } else { "none" }),
            );
        }
        let mutability = match self.mutability {
            Mutability::ReadWrite => "readWrite",
            Mutability::ReadOnly => "readOnly",
            Mutability::Immutable => "immutable",
        };
        map.insert("mutability".to_owned(), json!(mutability));
        map.insert(
            "returned".to_owned(),
            json!(if self.always { "always" } else { "default" }),
        );
        if !self.canonical.is_empty() {
            map.insert("canonicalValues".to_owned(), json!(self.canonical));
        }
        if !self.refers_to.is_empty() {
            map.insert("referenceTypes".to_owned(), json!(self.refers_to));
        }
        if !self.sub.is_empty() {
            let sub: Vec<Value> = self.sub.iter().map(Self::document).collect();
            map.insert("subAttributes".to_owned(), json!(sub));
        }
        Value::Object(map)
    }
}

impl Schema {
    /// The schema as `/Schemas` shows it, without its address.
    pub fn document(&self) -> Value {
        let attributes: Vec<Value> = self.attributes.iter().map(Attribute::document).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": self.urn,
            "name": self.name,
            "description": self.description,
            "attributes": attributes,
        })
    }
}

impl Resource {
    /// The kind of resource as `/ResourceTypes` shows it, without its address.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.core.urn,
        });
        if let Some(extension) = self.extension {
            document["schemaExtensions"] = json!([{"schema": extension.urn, "required": false}]);
        }
        document
    }
}
