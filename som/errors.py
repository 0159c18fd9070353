"""The errors a user can meet; each reads as one line that says what to do next."""


class SomError(Exception):
    """Base of all errors raised on purpose: what was expected, what came, what to do next."""


class ImageError(SomError):
    """The input is not an image that can be used."""


class RegionsError(SomError):
    """Regions break a convention of `som.regions` (shape, dtype or range)."""


class MissingDependencyError(SomError):
    """An optional package is not installed; the message quotes the command that installs it."""


class SegmenterError(SomError):
    """No such segmenter, or it cannot run here."""


class MarkError(SomError):
    """No such mark, or a mark file that cannot be read."""


class VLMError(SomError):
    """A vision-language model could not answer: no server, bad key, refused, empty or cut off."""


class DataError(SomError):
    """A data set or a log breaks its format; the message names the file, the row and the field."""
