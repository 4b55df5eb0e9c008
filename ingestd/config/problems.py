"""What is wrong with a configuration file, in words that name file, key, value and the fix."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ingestd.core.errors import ConfigError

MAX_SHOWN_VALUE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `key` is dotted (`proxy.height_pixels`) or a place (`line 3`); empty for a whole file."""

    file: Path
    key: str
    what: str
    fix: str
    value: str | None = None

    def sentence(self) -> str:
        """Place, value and what is wrong with it, without the file."""
        place = f"{self.key} = {self.value}" if self.key and self.value is not None else self.key
        return f"{place}: {self.what}" if place else self.what


def config_error(problems: Sequence[Problem]) -> ConfigError:
    """All problems as one error: the message names files, keys and values, the advice the fixes, line by line."""
    if len(problems) == 1:
        return ConfigError(f"{problems[0].file}: {problems[0].sentence()}", problems[0].fix)
    lines = [f"{len(problems)} problems in the configuration"]
    lines += [f"{problem.file}: {problem.sentence()}" for problem in problems]
    fixes = [f"{problem.key}: {problem.fix}" if problem.key else problem.fix for problem in problems]
    return ConfigError("\n".join(lines), "\n".join(fixes))


def raise_for(problems: Sequence[Problem]) -> None:
    """Raise one `ConfigError` over all problems; nothing where there are none."""
    if problems:
        raise config_error(problems)


def shown(value: Any) -> str:
    """A value as an error shows it, cut where it is long."""
    text = ("true" if value else "false") if isinstance(value, bool) else repr(value)
    return text if len(text) <= MAX_SHOWN_VALUE_CHARACTERS else f"{text[:MAX_SHOWN_VALUE_CHARACTERS]}…"


def problems_of(error: ValidationError, model: type[BaseModel], file: Path) -> list[Problem]:
    """A model's refusal of a file, reworded for the person who wrote the file."""
    return [_problem(detail, model, file) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails, model: type[BaseModel], file: Path) -> Problem:
    location = detail["loc"]
    key = dotted(location)
    value = shown(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            return Problem(file, key, "there is no such key", _nearest_key(location, model), value)
        case "missing":
            return Problem(file, key, "is missing", f"add {key.rsplit('.', 1)[-1]}")
        case "literal_error" | "enum":
            allowed = str(detail.get("ctx", {}).get("expected", ""))
            return Problem(file, key, "is not one of the allowed values", f"write {allowed}", value)
        case "value_error":
            words, _, fix = detail["msg"].removeprefix("Value error, ").partition("; ")
            is_section = isinstance(detail["input"], Mapping)
            return Problem(file, key, words, fix or f"correct {key or 'the file'}", None if is_section else value)
        case "bool_type" | "bool_parsing":
            return Problem(
                file, key, "is neither true nor false", "write true or false, without quotation marks", value
            )
        case "path_type":
            return Problem(file, key, "is not a path", 'write a path in quotation marks, as in "inbox"', value)
        case "model_type" | "model_attributes_type" | "dict_type":
            return Problem(file, key, "is not a section", f"write it as a section: [{key}]", value)
        case "string_pattern_mismatch":
            pattern = detail.get("ctx", {}).get("pattern", "")
            return Problem(file, key, "has characters or a length not allowed here", f"match {pattern}", value)
        case _:
            message = detail["msg"]
            _, is_demand, wanted = message.partition(" should ")
            wanted = wanted.split(",")[0].removeprefix("be ").removeprefix("have ")
            fix = f"write {wanted}" if is_demand else f"correct {key}"
            return Problem(file, key, message[:1].lower() + message[1:], fix, value)


def dotted(location: Iterable[int | str]) -> str:
    """A place in a document as people write it: `retention[2].years`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys of a model as they are written in a file: by alias where there is one."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _nearest_key(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    wrong = str(location[-1])
    section = _model_at(model, location[:-1])
    here = known_keys(section) if section else []
    prefix = dotted(location[:-1])
    nearest = difflib.get_close_matches(wrong, here, n=1, cutoff=0.6)
    if nearest:
        return f"write {nearest[0]} instead of {wrong}"
    elsewhere = {path.rsplit(".", 1)[-1]: path for path in _all_keys(model)}
    nearest = difflib.get_close_matches(wrong, list(elsewhere), n=1, cutoff=0.8)
    if nearest:
        return f"the nearest key is {elsewhere[nearest[0]]}"
    return f"remove it; the keys of {prefix or 'the file'} are {', '.join(here)}"


def _model_at(model: type[BaseModel], location: Iterable[int | str]) -> type[BaseModel] | None:
    """The model of a section of the file, null where the place is none (a table with free keys)."""
    found: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):
            continue
        found = _sections(found).get(part) if found else None
    return found


def _sections(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    sections: dict[str, type[BaseModel]] = {}
    for name, field in model.model_fields.items():
        annotation = field.annotation
        candidates = (annotation, *getattr(annotation, "__args__", ()))
        for candidate in candidates:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                sections[field.alias or name] = sections[name] = candidate
    return sections


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    sections = _sections(model)
    keys: list[str] = []
    for key in known_keys(model):
        if key in sections:
            keys += _all_keys(sections[key], f"{prefix}{key}.")
        else:
            keys.append(f"{prefix}{key}")
    return keys
