"""Where trials run: the executor protocol, local processes, Ray, scripts of the user.

May import `sweep.trials`, `sweep.study` and all below them.
A new executor implements `executor.Executor` and is one line in `factory`.
"""
