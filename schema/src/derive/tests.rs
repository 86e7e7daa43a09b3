use super::*;

fn list(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn names_and_extensions() {
    #[rustfmt::skip]
    let table = [
        ("/etc/passwd",        "passwd",     ""),
        ("/srv/a.tar.gz",      "a.tar.gz",   ".gz"),
        ("/etc/cron.d/job",    "job",        ""),
        ("/root/.bashrc",      ".bashrc",    ".bashrc"),
        ("/tmp/dot.",          "dot.",       "."),
        ("/dir/",              "",           ""),
        ("/",                  "",           ""),
        ("",                   "",           ""),
        ("memfd:x (deleted)",  "memfd:x (deleted)", ""),
    ];
    for (path, name, ext) in table {
        assert_eq!(text(basename(path.as_bytes())), name, "{path}");
        assert_eq!(text(extension(path.as_bytes())), ext, "{path}");
    }
}

#[test]
fn flags_and_options_of_arguments() {
    #[rustfmt::skip]
    let table: &[(&[&str], &[&str], &[&str])] = &[
        (&["-xvf", "a.tar"],         &["x", "v", "f", "xvf"],   &["xvf=a.tar"]),
        (&["-v"],                    &["v"],                    &[]),
        (&["--verbose", "--color=auto"], &["verbose"],          &["color=auto"]),
        (&["-o=x"],                  &[],                       &["o=x"]),
        (&["--name", ""],            &["name"],                 &["name="]),
        (&["-a", "-b", "c", "d"],    &["a", "b"],               &["b=c"]),
        (&["-", "--", "x"],          &[],                       &[]),
        (&["---x", "y"],             &["-x"],                   &[]),
        (&["-I/usr/include", "-l", "m"], &["I/usr/include", "l"], &["l=m"]),
        (&["--x", "1"],              &[],                       &["x=1"]),
        (&["-é"],                    &["é"],                    &[]),
        (&["a", "b"],                &[],                       &[]),
        (&[],                        &[],                       &[]),
    ];
    for (argv, flags, options) in table {
        let argv = list(argv);
        assert_eq!(args_flags(&argv).iter().map(|f| text(f)).collect::<Vec<_>>(), *flags);
        assert_eq!(args_options(&argv).iter().map(|o| text(o)).collect::<Vec<_>>(), *options);
    }
}

#[test]
fn arguments_in_one_string() {
    assert_eq!(args(&list(&["-c", "echo  hi"])), b"-c echo  hi");
    assert_eq!(args(&list(&[])), b"");
}

#[test]
fn values_of_few_variables_are_shown() {
    let envp = list(&["PATH=/bin:/x=y", "AWS_SECRET=k", "LD_PRELOAD=", "PATHS=1", "odd", "=x", ""]);
    let shown: Vec<_> = envs(&envp).into_iter().map(text).collect();
    assert_eq!(shown, ["PATH=/bin:/x=y", "AWS_SECRET", "LD_PRELOAD=", "PATHS", "odd", "", ""]);
}

#[test]
fn module_parameters() {
    let parameters = words(b" a=1  b=\"x y\"\tc\n");
    assert_eq!(parameters.into_iter().map(text).collect::<Vec<_>>(), ["a=1", "b=\"x y\"", "c"]);
    assert_eq!(words(b"a=\"open end "), [b"a=\"open end "]);
}

#[test]
fn public_addresses() {
    #[rustfmt::skip]
    let table = [
        ("8.8.8.8", true),           ("10.1.2.3", false),       ("100.64.0.1", false),
        ("100.128.0.1", true),       ("127.0.0.1", false),      ("169.254.169.254", false),
        ("172.15.0.1", true),        ("172.31.255.255", false), ("172.32.0.0", true),
        ("192.168.1.1", false),      ("224.0.0.1", false),      ("255.255.255.255", false),
        ("0.0.0.0", false),          ("223.255.255.255", true), ("198.19.0.1", false),
        ("::", false),               ("::1", false),            ("2606:4700::1111", true),
        ("::ffff:10.0.0.1", false),  ("::ffff:8.8.8.8", true),  ("fd00::1", false),
        ("fe80::1", false),          ("ff02::1", false),        ("2001:db8::1", false),
        ("2001:4860::8888", true),   ("64:ff9b::808:808", true),
    ];
    for (ip, public) in table {
        assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
    }
}

#[test]
fn small_ones() {
    assert_eq!(rights(0o104755), 0o4755);
    assert_eq!(xattr_namespace(b"security.selinux.x"), b"security");
    assert_eq!(xattr_namespace(b"plain"), b"");
    assert!(!comm_truncated(b"fifteen bytes!!"));
    assert!(comm_truncated(b"sixteen bytes!!!"));
}

#[test]
fn functions_refuse_other_values() {
    assert_eq!(By::Rights.apply(Value::Int(0o100644)), Some(Computed::Int(0o644)));
    assert_eq!(By::IsPublic.apply(Value::Ip(None)), Some(Computed::Bool(false)));
    assert_eq!(By::Rights.apply(Value::Bool(true)), None);
    assert_eq!(By::Basename.apply(Value::Int(3)), None);
}
