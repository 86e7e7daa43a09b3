use super::*;

#[test]
fn logic() {
    check_all(&[
        ("true", true),
        ("false", false),
        ("!false", true),
        ("e.on", true),
        ("!e.on", false),
        ("not e.off", true),
        ("e.on && e.off", false),
        ("e.on || e.off", true),
        ("e.on and not e.off", true),
        ("e.on && (e.off || e.on)", true),
        ("not (e.on || e.off)", false),
        ("!e.off && e.on", true),
        ("!e.on == e.off", true),
        ("e.on == true", true),
        ("e.on != true", false),
        ("e.off == false", true),
        ("e.on in [true, false]", true),
        ("e.off in [true]", false),
        ("e.off not in [true]", true),
        ("e.on == (e.flags > 3)", true),
        ("true == e.flags == 65", true),
        ("(e.flags == 65) == e.off", false),
        ("${flag}", true),
        ("!${flag} || e.on", true),
        ("true == true", true),
        ("e.on && e.on && e.on && e.off", false),
    ]);
}

#[test]
fn numbers() {
    check_all(&[
        ("e.flags == 65", true),
        ("e.flags != 65", false),
        ("65 == e.flags", true),
        ("e.flags < 66 && e.flags <= 65 && e.flags > 64 && e.flags >= 65", true),
        ("e.flags < 65 || e.flags > 65", false),
        ("e.flags & O_CREAT > 0", true),
        ("e.flags & O_TRUNC > 0", false),
        ("O_CREAT & e.flags > 0", true),
        ("e.flags & (O_CREAT | O_TRUNC) > 0", true),
        ("e.flags & (O_CREAT | O_WRONLY) == O_CREAT | O_WRONLY", true),
        ("e.flags == O_CREAT | O_WRONLY", true),
        ("e.flags & O_CREAT | O_TRUNC == 64", true),
        ("e.flags | O_TRUNC == 577", true),
        ("e.flags ^ O_CREAT == 1", true),
        ("e.flags & ^O_CREAT == 1", true),
        ("^e.flags & 64 == 0", true),
        ("e.flags + 1 == 66", true),
        ("e.flags - 1 - 1 == 63", true),
        ("e.flags-1 == 64", true),
        ("-e.flags == -65", true),
        ("e.flags == - -65", true),
        ("e.retval == EACCES", true),
        ("e.retval in [EACCES, -1]", true),
        ("e.retval < 0", true),
        ("e.flags in [1, 65]", true),
        ("e.flags in [1, 2]", false),
        ("e.flags not in [1, 2]", true),
        ("e.flags in [O_CREAT, O_WRONLY]", false),
        ("e.flags allin [65]", true),
        ("e.flags in [1, 2, 3, 4, 5, 6, 7, 8, 9, 65, 10]", true),
        ("e.flags in [1, 2, 3, 4, 5, 6, 7, 8, 9, 66, 10]", false),
        ("e.flags == WRITE", true),
        ("e.flags & WRITE > 0", true),
        ("9223372036854775807 + 1 == -9223372036854775808", true),
        ("e.flags + ${n} == 72", true),
        ("${n} == 7 && ${process.pid} == 42", true),
        ("%{e.flags} == 65", true),
    ]);
}

#[test]
fn arrays() {
    check_all(&[
        ("e.numbers == 2", true),
        ("e.numbers == 4", false),
        ("e.numbers != 2", false),
        ("e.numbers != 4", true),
        ("e.numbers > 2", true),
        ("e.numbers > 3", false),
        ("e.numbers & 3 == 3", true),
        ("e.numbers in [3, 9]", true),
        ("e.numbers not in [4, 9]", true),
        ("e.numbers[0] == 1", true),
        ("e.numbers[1] == 1", false),
        ("e.numbers[9] == 0", true),
        ("e.numbers.length == 3", true),
        ("e.no_numbers == 0", false),
        ("e.no_numbers != 0", true),
        ("e.no_numbers not in [1]", true),
        ("e.no_numbers.length == 0", true),
        ("e.numbers in ${cgroup.pids}", true),
        ("e.args == \"-c\"", true),
        ("e.args != \"-c\"", false),
        ("e.args == \"-d\"", false),
        ("e.args in [\"-d\", ~\"*curl*\"]", true),
        ("e.args not in [\"-d\", ~\"*wget*\"]", true),
        ("e.args =~ \"curl * sh\"", true),
        ("e.args !~ \"curl*\"", false),
        ("e.args[0] == \"-c\"", true),
        ("e.args[1] == \"-c\"", false),
        ("e.args[5] == \"\"", true),
        ("e.args.length > 2", true),
        ("e.no_args == \"\"", false),
        ("e.no_args != \"x\"", true),
        ("e.no_args !~ \"*\"", true),
        ("\"-c\" in e.args", true),
        ("\"-d\" not in e.args", true),
        ("~\"cu*\" in e.args", true),
        ("e.args in e.args", true),
        ("e.args in e.no_args", false),
        ("e.args not in e.no_args", true),
        ("\"aws\" in ${process.list}", true),
        ("\"gcp\" not in ${process.list}", true),
        ("\"gcp\" not in ${cgroup.none}", true),
    ]);
}

#[test]
fn strings() {
    check_all(&[
        ("e.name == \"Passwd\"", true),
        ("e.name == \"passwd\"", false),
        ("e.name != \"passwd\"", true),
        ("\"Passwd\" == e.name", true),
        ("e.name =~ \"Pass*\"", true),
        ("e.name == ~\"Pass*\"", true),
        ("e.name == \"Pass*\"", false),
        ("e.name !~ \"*word\"", true),
        ("e.name =~ ~\"P*s*d\"", true),
        ("e.name =~ r\"ss\"", true),
        ("e.name =~ r\"^ss\"", false),
        ("e.name == r\"^P.*d$\"", true),
        ("e.name !~ r\"\\d\"", true),
        ("e.name =~ r\"(?i)^PASSWD$\"", true),
        ("e.name in [\"a\", \"Passwd\"]", true),
        ("e.name in [\"a\", ~\"*wd\"]", true),
        ("e.name in [\"a\", r\"^.{6}$\"]", true),
        ("e.name not in [\"a\", ~\"b*\", r\"c$\"]", true),
        ("e.name == NAME", true),
        ("e.name in SHELLS", false),
        ("\"zsh\" in SHELLS", true),
        ("e.empty == \"\"", true),
        ("e.empty =~ \"\"", true),
        ("e.empty =~ \"*\"", true),
        ("e.name =~ \"\"", false),
        ("e.name.length == 6", true),
        ("e.empty.length == 0", true),
        ("e.name == common.name", false),
        ("%{e.name} == e.name", true),
        ("e.name == \"${process.s}wd\"", true),
        ("e.name == \"%{e.name}\"", true),
        ("\"a ${n} b\" == \"a 7 b\"", true),
        ("\"%{e.numbers}\" == \"1,2,3\"", true),
        ("\"%{e.args[0]} ${process.list}\" == \"-c aws,bash\"", true),
        ("\"%{e.ip}\" == \"10.1.2.3\"", true),
        ("\"${}\" == \"$\"", false),
        ("\"{n}\" == \"{n}\"", true),
        ("${process.s} == \"Pass\"", true),
        ("${process.s} =~ \"P*\"", true),
        ("${process.s} in [\"\", ~\"P*\"]", true),
        ("${process.s}  != e.name", true),
        ("${container.unset} == \"\"", true),
        ("e.extension == \"gz\"", true),
        ("e.extension == \".gz\"", true),
        ("e.extension in [\"tar\", \"gz\"]", true),
        ("e.extension == \"tar\"", false),
        ("e.host == \"pool.example.org\"", true),
        ("e.host in [~\"*.EXAMPLE.org\"]", true),
        ("e.host == \"${process.s}\"", false),
        ("r\"ss\" == e.name", true),
        ("${process.s.length} == 4", true),
        ("${process.list.length} == 2", true),
    ]);
}

#[test]
fn paths() {
    check_all(&[
        ("e.path == \"/etc/ssh/keys/id_rsa\"", true),
        ("e.path == ~\"/etc/*/keys/id_*\"", true),
        ("e.path =~ \"/etc/*/id_rsa\"", false),
        ("e.path =~ \"/etc/**\"", true),
        ("e.path =~ \"/etc/**/id_rsa\"", true),
        ("e.path =~ \"/etc/ssh/keys/id_rsa/**\"", false),
        ("e.path in [\"/bin/sh\", ~\"/etc/ssh/*/*\"]", true),
        ("e.path !~ \"/etc/*\"", true),
        ("e.path != \"\"", true),
        ("e.path not in [\"/\", ~\"*/x\"]", true),
        ("e.given.path =~ \"../*/id_rsa\"", true),
        ("e.given.path == \"../ssh/id_rsa\"", true),
        ("e.given.path =~ \"*id_rsa\"", false),
        ("e.path == \"/etc/ssh/keys/id_${n}\"", false),
        ("e.path.length == 20", true),
    ]);
}

#[test]
fn addresses() {
    check_all(&[
        ("e.ip == 10.1.2.3", true),
        ("e.ip == 10.1.2.4", false),
        ("e.ip != 10.1.2.4", true),
        ("e.ip in 10.0.0.0/8", true),
        ("e.ip in [192.168.0.0/16, 10.1.2.3]", true),
        ("e.ip not in [192.168.0.0/16, 172.16.0.1]", true),
        ("e.ip in LOCAL", true),
        ("e.ip not in LOCAL", false),
        ("e.ip == 10.1.0.0/16", true),
        ("e.ip in 10.1.2.99/24", true),
        ("e.ip6 in fe80::/10", true),
        ("e.ip6 == fe80::1", true),
        ("e.ip6 in 0.0.0.0/0", false),
        ("e.ip in ::/0", false),
        ("e.mapped == 10.1.2.3", true),
        ("e.mapped in [10.0.0.0/8]", true),
        ("e.no_ip == 0.0.0.0", false),
        ("e.no_ip not in [0.0.0.0/0]", true),
        ("e.nets in [10.0.9.7]", true),
        ("e.nets in [10.0.5.0/24]", false),
        ("e.nets allin [10.0.0.0/16]", true),
        ("e.nets allin [10.0.0.0/24]", false),
        ("e.no_nets allin [10.0.0.0/24]", false),
        ("e.nets in [10.0.0.0/8]", true),
        ("e.ip in e.nets", false),
    ]);
}

/// Now is 10 s after `e.at` and 10 s before `e.later`.
#[test]
fn durations() {
    check_all(&[
        ("e.at > 5s", true),
        ("e.at > 10s", false),
        ("e.at >= 10s", true),
        ("e.at == 10s", true),
        ("e.at < 1m", true),
        ("e.at < 1h && e.at > 9999ms", true),
        ("5s < e.at", true),
        ("e.later < 5s", true),
        ("e.later > 5s", false),
        ("e.later < -5s", true),
        ("e.later - e.at == 20s", true),
        ("e.later - e.at > 5s", true),
        ("e.at - e.later > 5s", false),
        ("e.at < e.later", true),
        ("e.at == 1000000000000", true),
        ("e.at + 20s == e.later", true),
        ("${n} < 5s", true),
    ]);
}

/// Nearest first: 30 bash, 20 sshd (on), 1 init.
#[test]
fn iterators() {
    check_all(&[
        ("up.name == \"sshd\"", true),
        ("up.name == \"cron\"", false),
        ("up.name != \"sshd\"", false),
        ("up.name != \"cron\"", true),
        ("up.name not in [\"cron\"]", true),
        ("up.name in [~\"s*\"]", true),
        ("up.pid > 25", true),
        ("up.pid in ${cgroup.pids}", true),
        ("up.on", true),
        ("!up.on", false),
        ("up.length == 3", true),
        ("up.args == \"-x\"", true),
        ("up.args[0] == \"init\"", true),
        ("up.args[0] == \"-x\"", false),
        ("up.name.length == 4", true),
        ("up.name == \"sshd\" && up.pid == 30", true),
        ("up[A].name == \"sshd\" && up[A].pid == 30", false),
        ("up[A].name == \"sshd\" && up[A].pid == 20", true),
        ("up[A].name == \"sshd\" && up[A].on", true),
        ("up[A].name == \"bash\" && up[A].on", false),
        ("up[A].name != \"bash\"", true),
        ("up[A].name == \"bash\" && up[B].name == \"sshd\"", true),
        ("up[A].name == \"bash\" && up[B].pid == 30 && up[A].pid == 30", true),
        ("up[A].name == \"bash\" && up[B].pid == 30 && up[B].on", false),
        ("up[A].args[1] == \"-x\" && up[A].on", true),
        ("not (up[A].name == \"bash\")", true),
        ("up[0].name == \"bash\"", true),
        ("up[2].name == \"bash\"", false),
        ("up[7].name == \"bash\"", false),
        ("none.name == \"\"", false),
        ("none.name != \"\"", true),
        ("none[A].name == \"\" || e.on", true),
        ("none[A].name == \"\"", false),
        ("none[A].name != \"x\"", true),
        ("IS_ROOT", true),
        ("!IS_ROOT || e.off", false),
    ]);
}

#[test]
fn programs() {
    use Owned::*;
    let cases = [
        ("e.flags + 1", Int(66)),
        ("e.name", Str(b"Passwd".into())),
        ("\"x\"", Str(b"x".into())),
        ("\"id_%{e.flags}\"", Str(b"id_65".into())),
        ("e.args", Strs(vec![b"-c".into(), b"curl x | sh".into(), b"--quiet".into()])),
        ("e.args[0]", Str(b"-c".into())),
        ("e.numbers", Ints(vec![1, 2, 3])),
        ("up.pid", Ints(vec![30, 20, 1])),
        ("e.flags > 3", Bool(true)),
        ("e.on", Bool(true)),
        ("e.ip", Ip(Some("10.1.2.3".parse().unwrap()))),
        ("${n} + 1", Int(8)),
        ("${process.list}", Strs(vec![b"aws".into(), b"bash".into()])),
        ("e.at", Int(1_000_000_000_000)),
    ];
    let world = World::default();
    for (text, expected) in cases {
        let program = Program::new(&parse(text).unwrap(), &world, &world.macros).unwrap();
        assert_eq!(program.value(&world), expected, "{text}");
    }
    for text in ["~\"a*\"", "up[A].pid", "SHELLS"] {
        assert!(Program::new(&parse(text).unwrap(), &world, &world.macros).is_err(), "{text}");
    }
}
