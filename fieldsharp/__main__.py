"""The command ``fieldsharp``, also started as ``python -m fieldsharp``."""
import sys


def main():
    from fieldsharp.sweep.commands.process import run_process
    def load():
        from fieldsharp.sweep.command_line import main
        return main
    return run_process(load, sys.argv[1:])

if __name__ == "__main__":
    sys.exit(main())
