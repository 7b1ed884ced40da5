//! Choices that have names on the command line and in board profiles.

use crate::error::{Error, Result};

/// The one of `all`, choices of a `kind`, that is called `asked`.
///
/// # Errors
/// [`Error::Usage`] with the names there are.
pub(crate) fn by_name<T: Copy, const N: usize>(
    kind: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
    asked: &str,
) -> Result<T> {
    let unknown = || {
        let names = all.map(name);
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        let others = others.join(", ");
        Error::Usage { what: format!("no {kind} is called {asked:?}: use {others} or {last}") }
    };
    all.into_iter().find(|choice| name(*choice) == asked).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use crate::network::opening::{NetworkPath, Precision};
    use crate::network::providers::Provider;
    use crate::play::deadline::Late;

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let refusals = [
            "x".parse::<Provider>().unwrap_err(),
            "x".parse::<NetworkPath>().unwrap_err(),
            "x".parse::<Precision>().unwrap_err(),
            "x".parse::<Late>().unwrap_err(),
        ];
        let sentences = [
            "no execution provider is called \"x\": use tensorrt, cuda or cpu",
            "no path of the network is called \"x\": use split or full",
            "no precision is called \"x\": use f32, f16 or int8",
            "no policy for late times is called \"x\": use drop, repeat or degrade",
        ];
        for (refusal, sentence) in refusals.iter().zip(sentences) {
            assert!(refusal.to_string().contains(sentence), "{refusal}");
        }
        assert_eq!("int8".parse::<Precision>().unwrap(), Precision::Int8);
    }
}
