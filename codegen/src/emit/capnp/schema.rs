//! A Cap'n Proto file, as far as events need it: structures with at most one unnamed union, and
//! enumerations. Ordinals are implied by the order.

/// A schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Id of the file; all type ids derive from it and the type names.
    pub id: u64,
    /// In the order of the text.
    pub nodes: Vec<Node>,
}

/// A structure or enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// CamelCase.
    pub name: String,
    /// Comment; may be empty.
    pub doc: String,
    /// Which of the two, and what it holds.
    pub kind: Kind,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Fields by ordinal.
    Struct(Vec<Field>),
    /// Names by value.
    Enum(Vec<String>),
}

/// A field of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// camelCase.
    pub name: String,
    /// Comment; may be empty.
    pub doc: String,
    /// Its type.
    pub ty: Type,
    /// Whether it shares its place with others.
    pub place: Place,
}

/// Where a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is always there.
    Own,
    /// It is a member of the structure's unnamed union.
    Union,
}

/// Type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Cap'n Proto's")]
pub enum Type {
    Void,
    Bool,
    Int32,
    Int64,
    UInt16,
    UInt32,
    UInt64,
    Data,
    List(Box<Type>),
    /// A structure or enumeration by name.
    Named(String),
}

impl Schema {
    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }
}

impl Node {
    /// Fields by ordinal; none for an enumeration.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Struct(fields) => fields,
            Kind::Enum(_) => &[],
        }
    }

    /// Ordinals of the fields in the order of the text: the union stands, as a whole, in the
    /// place of its first member.
    pub fn text_order(&self) -> Vec<usize> {
        let fields = self.fields();
        let place = |ordinal: usize| fields[ordinal].place;
        let union = fields.iter().position(|field| field.place == Place::Union);
        let mut order: Vec<_> = (0..fields.len()).collect();
        order.sort_by_key(|&ordinal| match place(ordinal) {
            Place::Own => ordinal,
            Place::Union => union.unwrap_or(ordinal),
        });
        order
    }
}

impl Type {
    /// Name of the basic types in the language.
    pub(super) const BASIC: [(&str, Type); 8] = [
        ("Void", Type::Void),
        ("Bool", Type::Bool),
        ("Int32", Type::Int32),
        ("Int64", Type::Int64),
        ("UInt16", Type::UInt16),
        ("UInt32", Type::UInt32),
        ("UInt64", Type::UInt64),
        ("Data", Type::Data),
    ];
}

impl std::fmt::Display for Type {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Type::List(element) => write!(out, "List({element})"),
            Type::Named(name) => out.write_str(name),
            basic => {
                let known = Type::BASIC.iter().find(|(_, ty)| ty == basic);
                out.write_str(known.map_or("", |(name, _)| name))
            }
        }
    }
}
