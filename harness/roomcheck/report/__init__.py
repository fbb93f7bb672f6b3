"""What a run tells its readers: console, JUnit, NDJSON stream, explanations, exit code.

All of them read the same three values: RunHeader, CaseResult, RunFooter. They decide nothing and judge nothing; and
they trust no text of a room: control characters, escapes and markup come out as visible characters.
"""
