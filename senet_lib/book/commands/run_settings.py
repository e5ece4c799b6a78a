"""The settings of a run as a TOML file: one line for each option of the command, by its long name."""

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.command_line import unknown

WORDS = {
    "top": "# All settings of this run. To go on with it, or to make it again in another folder:\n"
    "#   senet train --settings {path}\n#   senet train --settings {path} --run ANOTHER_FOLDER\n\n",
    "not set": "# {name} is not set",
    "unreadable": "{path} cannot be read ({reason}); give a settings file that senet train has written",
    "not TOML": "{path} is not a TOML file ({reason}); give a settings file that senet train has written",
    "unknown": "{path} has a setting that does not exist: {line}",
    "otherwise": "each is an option of senet train with _ in place of -",
    "switch": "{path} has {name} = {value!r}; write true or false",
    "value": "{path} has {name} = {value!r}; write a number or a text",
}
NOT_SETTINGS = {"help", "help_all", "settings", "evaluate"}


def read_settings(parser: argparse.ArgumentParser, path: str) -> None:
    """Let the parser take what is in the file for what the command line does not say. Errors are the parser's."""
    try:
        settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        parser.error(WORDS["unreadable"].format(path=path, reason=error.strerror))
    except ValueError as error:
        parser.error(WORDS["not TOML"].format(path=path, reason=error))
    actions = {action.dest: action for action in parser._actions if action.dest not in NOT_SETTINGS}
    for name, value in settings.items():
        if name not in actions:
            line = unknown(name, actions, WORDS["otherwise"])
            parser.error(WORDS["unknown"].format(path=path, line=line))
        is_switch = isinstance(actions[name], argparse.BooleanOptionalAction)
        if is_switch != isinstance(value, bool) or not isinstance(value, bool | int | float | str):
            key = "switch" if is_switch else "value"
            parser.error(WORDS[key].format(path=path, name=name, value=value))
        parser.set_defaults(**{name: value if is_switch else str(value)})  # a text is checked as if it had been typed


def write_settings(path: Path, settings: dict[str, Any]) -> Path:
    """Write the file; what is None stands there as a comment."""
    lines = [
        WORDS["not set"].format(name=name) if value is None else f"{name} = {_as_toml(value)}"
        for name, value in settings.items()
    ]
    return write_atomically(path, WORDS["top"].format(path=path) + "\n".join(lines) + "\n")


def _as_toml(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
