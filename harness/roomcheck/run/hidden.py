"""What a run hides: the secrets that a target's programs are given."""

import os

from roomcheck.model.secrets import Secrets
from roomcheck.spec.contract import Contract
from roomcheck.spec.target import Target


def secrets_of(target: Target, contract: Contract) -> Secrets:
    """Those of this target and of our environment; what the contract itself says is judged, so it stays."""
    commands = (target.adapter_command, target.server_command or ())
    values = (value for view in contract.views for value in view.told.values() if isinstance(value, str))
    return Secrets.of(os.environ, names=target.secrets, commands=commands).but([*values, *contract.callbacks])
