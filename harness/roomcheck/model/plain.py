"""Values that are written as JSON and read again."""

from collections.abc import Mapping
from typing import Any, ClassVar


class Plain:
    """A dataclass of which `checked` holds every field to its declared type, also within."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"strict": True, "revalidate_instances": "always"}
