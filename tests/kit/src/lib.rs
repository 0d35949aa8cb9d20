//! Conformance kit: the laws that operators, priors and projectors must obey.
