"""under_seccomp.py: runs a program under a seccomp profile as container engines read them.

    /usr/bin/python3 scripts/deploy/under_seccomp.py [--kill] PROFILE PROGRAM ARGUMENT...

It takes the place of this process, so that its number and its parent stay. --kill: a call that the profile does not
mention ends the program by SIGSYS, where the profile would have it fail; so nobody can overlook one. Needs Debian's
python3-seccomp.
"""

import json
import os
import sys

import seccomp


def action(name, number):
    return {"SCMP_ACT_ALLOW": seccomp.ALLOW, "SCMP_ACT_ERRNO": seccomp.ERRNO(number)}[name]


OPERATORS = {"SCMP_CMP_EQ": seccomp.EQ, "SCMP_CMP_MASKED_EQ": seccomp.MASKED_EQ}


def condition(argument):
    values = [argument["value"]] + ([argument["valueTwo"]] if "valueTwo" in argument else [])
    return seccomp.Arg(argument["index"], OPERATORS[argument["op"]], *values)


arguments = sys.argv[1:]
kills = arguments[0] == "--kill"
path, *command = arguments[kills:]
with open(path) as file:
    profile = json.load(file)
default = seccomp.KILL_PROCESS if kills else action(profile["defaultAction"], profile["defaultErrnoRet"])
rules = seccomp.SyscallFilter(default)
for rule in profile["syscalls"]:
    for name in rule["names"]:
        rules.add_rule(action(rule["action"], rule.get("errnoRet", 1)), name, *map(condition, rule.get("args", [])))
rules.load()
os.execvp(command[0], command)
