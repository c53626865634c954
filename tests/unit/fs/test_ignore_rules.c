// SPDX-License-Identifier: Apache-2.0
// What a .hubignore names: fs/ignore_rules.c, in the same cases as `git check-ignore`.
#include "fs/ignore_rules.h"
#include "fs/name_pattern.h"
#include "tests/unit/unit_test.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct ignore_rules *rules_of(const char *text)
{
    struct ignore_rules *rules = NULL;
    assert_ok(ignore_rules_parse(text, strlen(text), &rules));
    return rules;
}

// ------------------------------------------------------------------- compared with git

// A folder for each; the files in it are names[] again.
static const char *const folders[] = {"", "a/", "b/", "a/b/", "a/a/", "a/b/a/", "a.b/b/"};
static const char *const names[] = {"a",  "b",   "ab",  "a.b", "b c", "#a", "!b",
                                    "-]", "[b]", "a\\", "b ",  "aXb", "A",  "\xc3\xa9"};
enum {
    N_FOLDERS = sizeof(folders) / sizeof(folders[0]),
    N_NAMES = sizeof(names) / sizeof(names[0]),
    TREE_MAX = N_FOLDERS * N_NAMES,
    TEXT_MAX = 4096,
};

struct tree {
    char *paths[TREE_MAX];
    bool is_folder[TREE_MAX];
    size_t n;
};

static bool is_one_of_folders(const char *path)
{
    for (size_t i = 0; i < N_FOLDERS; i++) {
        size_t len = strlen(path);
        if (strncmp(folders[i], path, len) == 0 && folders[i][len] == '/') {
            return true;
        }
    }
    return false;
}

static void make_tree(struct tree *tree)
{
    for (size_t i = 0; i < N_FOLDERS; i++) {
        if (folders[i][0] != '\0' && strcmp(folders[i], "a.b/b/") != 0) {
            assert_true(mkdir(folders[i], 0700) == 0);
        } else if (folders[i][0] != '\0') {
            assert_true(mkdir("a.b", 0700) == 0 && mkdir("a.b/b", 0700) == 0);
        }
    }
    for (size_t i = 0; i < TREE_MAX; i++) {
        char *path;
        assert_true(asprintf(&path, "%s%s", folders[i / N_NAMES], names[i % N_NAMES]) >
                    0);
        bool is_folder = is_one_of_folders(path);
        FILE *file = is_folder ? NULL : fopen(path, "w");
        assert_true(is_folder || file != NULL);
        if (file != NULL) {
            assert_int_equal(fclose(file), 0);
        }
        tree->paths[tree->n] = path;
        tree->is_folder[tree->n++] = is_folder;
    }
}

// Runs a command; its input is the file "asked", its output becomes the file "ignored".
static void run(const char *command)
{
    enum { WORDS_MAX = 8 };
    posix_spawn_file_actions_t files;
    AUTO_FREE char *copy = strdup(command);
    char *rest;
    char *words[WORDS_MAX] = {strtok_r(copy, " ", &rest)};
    pid_t child;
    for (size_t i = 1; i + 1 < WORDS_MAX && words[i - 1] != NULL; i++) {
        words[i] = strtok_r(NULL, " ", &rest);
    }
    assert_int_equal(posix_spawn_file_actions_init(&files), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&files, 0, "asked", O_RDONLY, 0),
                     0);
    assert_int_equal(posix_spawn_file_actions_addopen(&files, 1, "ignored",
                                                      O_WRONLY | O_CREAT | O_TRUNC, 0600),
                     0);
    assert_int_equal(posix_spawnp(&child, words[0], &files, NULL, words, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void write_questions(const struct tree *tree)
{
    FILE *file = fopen("asked", "w");
    assert_non_null(file);
    for (size_t i = 0; i < tree->n; i++) {
        fwrite(tree->paths[i], 1, strlen(tree->paths[i]) + 1, file);
    }
    assert_int_equal(fclose(file), 0);
}

// Asks git about each path of the tree.
static void ask_git(const struct tree *tree, const char *text, bool out[TREE_MAX])
{
    FILE *file = fopen(".gitignore", "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    run("git check-ignore --no-index -z --stdin");
    file = fopen("ignored", "r");
    assert_non_null(file);
    AUTO_FREE char *line = NULL;
    size_t size = 0;
    size_t at = 0;
    memset(out, 0, sizeof(bool) * TREE_MAX);
    while (getdelim(&line, &size, '\0', file) > 0) { // in the order of the questions
        while (at < tree->n && strcmp(tree->paths[at], line) != 0) {
            at++;
        }
        assert_true(at < tree->n);
        out[at] = true;
    }
    assert_int_equal(fclose(file), 0);
}

static void compare(const struct tree *tree, const char *text)
{
    bool expected[TREE_MAX];
    ask_git(tree, text, expected);
    struct ignore_rules *rules = rules_of(text);
    for (size_t i = 0; i < tree->n; i++) {
        bool found = ignore_rules_match(rules, tree->paths[i], tree->is_folder[i]);
        if (found != expected[i]) {
            print_error("%s is %signored by git, with the rules\n%s\n", tree->paths[i],
                        expected[i] ? "" : "not ", text);
        }
        assert_true(found == expected[i]);
    }
    ignore_rules_free(rules);
}

static const char *const written[] = {
    "a",
    "/a",
    "a/",
    "/b/",
    "a/b",
    "/a/b/",
    "*",
    "*\n!a",
    "*\n!a/\n!a/b/\n!a/b/a",
    "a*\n!ab",
    "**/b",
    "**/b/",
    "a/**",
    "a/**/a",
    "a/**/b/a",
    "/**",
    "**",
    "a/*/b",
    "a/*",
    "*/b",
    "?",
    "a?b",
    "[ab]",
    "[!ab]",
    "[^a]b",
    "[a-c]",
    "[]-]*",
    "*[]]",
    "[[:upper:]]",
    "a[[:upper:][:punct:]]b",
    "[[:nonsense:]]",
    "[a",
    "a[/]b",
    "[a/b]",
    "[[:a]",
    "[\\]]",
    "[b-a]",
    "[a-\\c]",
    "\\a",
    "a\\",
    "a\\\\",
    "\\#a",
    "#a",
    "\\!b",
    "!b",
    "!!b",
    "b c",
    "b\\ ",
    "b ",
    "b \\ ",
    "b  \na\t",
    "a\r\nb\r\n",
    ("\xef\xbb\xbf"
     "a"),
    "\n\n  \n/\n//\n!\n!/\n",
    "\xc3\xa9",
    "?\?",
    "a//b",
    "/a/b/../a",
    "./a",
    "a\\/b",
    "a\\/",
    "**a",
    "a**",
    "b**",
    "**/**/a",
    "a/**/**",
    "a.b/**/a",
    "*.b",
    "/*\n!/a\n/a/*\n!/a/b",
    "A",
};

// Patterns that nobody would write. Not two stars behind letters: there git's shortcut for what
// stands before the first star and gitignore(5) disagree.
static void write_random(char *text)
{
    static const char *const parts[] = {
        "a",  "b",    "*",    "/**/", "?", "/",  "/",
        ".b", "[ab]", "[!a]", "\\a",  "X", "\n", "\n!",
    };
    enum { N_PARTS = sizeof(parts) / sizeof(parts[0]) };
    size_t n = 3 + random_below(12);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        const char *part = parts[random_below(N_PARTS)];
        if (*part == '*' && len > 0 && text[len - 1] == '*') {
            continue;
        }
        memcpy(text + len, part, strlen(part) + 1);
        len += strlen(part);
    }
}

TEST(test_the_same_is_ignored_as_by_git)
{
    char dir[] = "/tmp/hugfs-ignore-XXXXXX";
    struct tree tree = {.n = 0};
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    make_tree(&tree);
    write_questions(&tree);
    assert_int_equal(setenv("HOME", dir, 1), 0); // no rules of whoever runs this
    assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    run("git init -q .");
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        compare(&tree, written[i]);
    }
    random_replace(5);
    for (unsigned i = 0; i < 100; i++) {
        char text[TEXT_MAX];
        write_random(text);
        compare(&tree, text);
    }
    for (size_t i = 0; i < tree.n; i++) {
        free(tree.paths[i]);
    }
    AUTO_FREE char *clean_up = NULL;
    assert_true(asprintf(&clean_up, "rm -rf %s", dir) > 0);
    run(clean_up);
}

// ------------------------------------------------------------------------------- the rest

TEST(test_without_rules_nothing_is_named)
{
    assert_null(rules_of(""));
    assert_null(rules_of("# only a comment\n\n   \n"));
    assert_false(ignore_rules_match(NULL, "a", false));
    ignore_rules_free(NULL);
}

TEST(test_what_is_too_large_is_refused)
{
    struct ignore_rules *rules = NULL;
    size_t len = IGNORE_BYTES_MAX + 1;
    AUTO_FREE char *text = malloc(len);
    assert_non_null(text);
    memset(text, '\n', len);
    assert_err(ignore_rules_parse(text, len, &rules), ERR_TOO_LARGE);
    for (size_t i = 0; i + 1 < len; i += 2) {
        text[i] = 'a';
    }
    assert_err(ignore_rules_parse(text, len - 1, &rules), ERR_TOO_LARGE);
    assert_null(rules);
    assert_ok(ignore_rules_parse(text, (size_t)2 * IGNORE_RULES_MAX, &rules));
    assert_true(ignore_rules_match(rules, "b/a", false));
    ignore_rules_free(rules);
}

TEST(test_many_stars_cost_no_more_than_their_number)
{
    char name[NAME_BYTES_MAX + 1];
    char pattern[4096] = "";
    memset(name, 'a', NAME_BYTES_MAX);
    name[NAME_BYTES_MAX] = '\0';
    for (size_t i = 0; i + 2 < sizeof(pattern) - 2; i += 2) {
        memcpy(pattern + i, "*a", 3);
    }
    memcpy(pattern + strlen(pattern), "b", 2);
    int64_t begin_ms = clock_now_ms();
    assert_false(name_pattern_match(pattern, name, NAME_BYTES_MAX));
    assert_true(clock_now_ms() - begin_ms < 1000);
}

TEST(test_a_nul_ends_a_line)
{
    static const char text[] = "a\0b\nc";
    struct ignore_rules *rules = NULL;
    assert_ok(ignore_rules_parse(text, sizeof(text) - 1, &rules));
    assert_true(ignore_rules_match(rules, "a", false));
    assert_false(ignore_rules_match(rules, "ab", false));
    assert_true(ignore_rules_match(rules, "c", false));
    ignore_rules_free(rules);
}

TEST(test_litter_stays_here)
{
    static const char *const litter[] = {
        ".git",
        ".git/config",
        "a/.git/HEAD",
        ".cache/huggingface/x",
        "a/.cache",
        ".a.txt.swp",
        "b/.a.txt.swo",
        ".swp",
        ".a.swx",
        "4913",
        "README.md~",
        ".#README.md",
        "#README.md#",
        ".DS_Store",
        "a/._b",
        ".nfs0000000000000a1b00000001",
        ".fuse_hidden0001",
        ".~lock.a.odt#",
        ".goutputstream-ABC123",
        ".a.txt.kate-swp",
        ".Trash-1000/files/a",
    };
    for (size_t i = 0; i < sizeof(litter) / sizeof(litter[0]); i++) {
        assert_true(ignore_is_litter(litter[i]));
    }
}

TEST(test_what_only_looks_like_litter_is_kept)
{
    static const char *const kept[] = {
        "a",
        ".gitignore",
        ".gitattributes",
        ".github/workflows/a.yml",
        "a.swp",
        ".cached",
        "49131",
        "~",
        "~a",
        "#a",
        "a#",
        ".hubignore",
        "._",
        ".nfs",
        "sedative1",
        ".eslintrc.config",
        "a.tmp",
        ".env",
        "x.git/a",
        ".a.sw",
        ".Trash-me",
    };
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        assert_false(ignore_is_litter(kept[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_is_ignored_as_by_git),
        cmocka_unit_test(test_without_rules_nothing_is_named),
        cmocka_unit_test(test_what_is_too_large_is_refused),
        cmocka_unit_test(test_many_stars_cost_no_more_than_their_number),
        cmocka_unit_test(test_a_nul_ends_a_line),
        cmocka_unit_test(test_litter_stays_here),
        cmocka_unit_test(test_what_only_looks_like_litter_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
