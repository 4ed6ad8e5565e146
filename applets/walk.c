/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include "g2s/memory.h"
#include "progress.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* How everything below a root is opened. O_NONBLOCK: a FIFO must not wait for its writer. */
enum { OPEN_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY };

static const char is_no_regular_file[] = "is not a regular file";

/*
 * --- the list
 * ----------------------------------------------------------------------------------
 */

/* Appends an entry that takes path over; NULL, and path is freed, when memory ran out. */
static struct walk_file *append(struct walk *walk, char *path)
{
	if (path == NULL || !g2s_grow(&walk->files, &walk->capacity, walk->count + 1,
	                              sizeof(walk->files[0]))) {
		free(path);
		return NULL;
	}
	struct walk_file *file = &walk->files[walk->count++];
	*file = (struct walk_file){.path = path, .tree = AT_FDCWD};
	return file;
}

/* Appends an entry that cannot be scanned; takes path over. */
static bool append_failure(struct walk *walk, char *path, const struct g2s_error *err)
{
	struct walk_file *file = append(walk, path);
	if (file == NULL) {
		return false;
	}
	file->code = G2S_ERR_READ;
	file->why = strdup(err->text);
	return file->why != NULL;
}

static void identify(struct walk_file *file, const struct stat *st)
{
	file->identified = true;
	file->identity = (struct walk_identity){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim,
	};
}

bool walk_add(struct walk *walk, const char *path)
{
	struct walk_file *file = append(walk, strdup(path));
	struct stat st;
	if (file != NULL && stat(path, &st) == 0) {
		identify(file, &st);
	}
	return file != NULL;
}

static void free_file(struct walk_file *file)
{
	free(file->path);
	free(file->why);
}

void walk_free(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		free_file(&walk->files[i]);
	}
	for (size_t i = 0; i < walk->tree_count; i++) {
		close(walk->trees[i]);
	}
	free(walk->files);
	free(walk->trees);
	*walk = (struct walk){0};
}

/*
 * --- each file once
 * ----------------------------------------------------------------------------
 */

/* A file to be compared, and where it stands in the list. */
struct candidate {
	const struct walk_identity *identity;
	size_t index;
};

static int compare_time(const struct timespec *a, const struct timespec *b)
{
	int order = (a->tv_sec > b->tv_sec) - (a->tv_sec < b->tv_sec);
	return order != 0 ? order : (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

static int compare_identity(const struct walk_identity *a, const struct walk_identity *b)
{
	int order = (a->device > b->device) - (a->device < b->device);
	order = order != 0 ? order : (a->inode > b->inode) - (a->inode < b->inode);
	order = order != 0 ? order : (a->size > b->size) - (a->size < b->size);
	order = order != 0 ? order : compare_time(&a->modified, &b->modified);
	return order != 0 ? order : compare_time(&a->changed, &b->changed);
}

static int compare_candidate(const void *left, const void *right)
{
	const struct candidate *a = left;
	const struct candidate *b = right;
	int order = compare_identity(a->identity, b->identity);
	return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

bool walk_unite(struct walk *walk)
{
	struct candidate *candidates = calloc(walk->count + 1, sizeof(candidates[0]));
	bool *repeated = calloc(walk->count + 1, sizeof(repeated[0]));
	size_t count = 0;
	bool done = candidates != NULL && repeated != NULL;
	if (!done) {
		goto end;
	}
	for (size_t i = 0; i < walk->count; i++) {
		if (walk->files[i].identified) {
			candidates[count++] = (struct candidate){&walk->files[i].identity, i};
		}
	}
	qsort(candidates, count, sizeof(candidates[0]), compare_candidate);
	for (size_t i = 1; i < count; i++) {
		/* Whoever names a file twice gets it twice. */
		repeated[candidates[i].index] =
			walk->files[candidates[i].index].tree != AT_FDCWD &&
			compare_identity(candidates[i - 1].identity, candidates[i].identity) == 0;
	}
	size_t kept = 0;
	for (size_t i = 0; i < walk->count; i++) {
		if (repeated[i]) {
			free_file(&walk->files[i]);
		} else {
			walk->files[kept++] = walk->files[i];
		}
	}
	walk->count = kept;
end:
	free(candidates);
	free(repeated);
	return done;
}

/*
 * --- files of a tree
 * ---------------------------------------------------------------------------
 */

/*
 * Opens what lies at path below root, "" being the root itself; -1 with errno.  No component of
 * path may be a link.
 */
static int open_below(int root, const char *path, int flags)
{
	int at = root;
	const char *slash;
	while ((slash = strchr(path, '/')) != NULL) {
		char name[NAME_MAX + 1];
		size_t length = (size_t)(slash - path);
		int next = -1;
		if (length < sizeof(name)) {
			memcpy(name, path, length);
			name[length] = '\0';
			next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		} else {
			errno = ENAMETOOLONG;
		}
		int why = errno;
		if (at != root) {
			close(at);
		}
		if (next < 0) {
			errno = why;
			return -1;
		}
		at = next;
		path = slash + 1;
	}
	int fd = openat(at, path[0] == '\0' ? "." : path, flags);
	int why = errno;
	if (at != root) {
		close(at);
	}
	errno = why;
	return fd;
}

enum g2s_code walk_open(const struct walk_file *file, struct g2s_file *out,
                        struct g2s_error *err)
{
	*out = (struct g2s_file){0};
	if (file->code != G2S_OK) {
		return g2s_fail(err, file->code, 0, "%s", file->why);
	}
	if (file->tree == AT_FDCWD) {
		return g2s_file_open(out, file->path, err);
	}
	int fd = open_below(file->tree, file->path + file->below, OPEN_FLAGS);
	if (fd < 0) {
		return g2s_fail(err, G2S_ERR_READ, 0, "cannot open: %s", strerror(errno));
	}
	enum g2s_code code = G2S_OK;
	struct stat st;
	if (fstat(fd, &st) != 0) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "cannot read: %s", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "%s", is_no_regular_file);
	} else if (st.st_size != 0) {
		void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED) {
			code = g2s_fail(err, G2S_ERR_READ, 0, "cannot map: %s", strerror(errno));
		} else {
			out->bytes = (struct g2s_bytes){data, (size_t)st.st_size};
		}
	}
	close(fd);
	return code;
}

/*
 * --- walking
 * -----------------------------------------------------------------------------------
 */

/* A root file system that is being walked. */
struct tree {
	struct walk *walk;
	struct progress *progress;
	int root;
	/* What paths begin with: the directory's own path, with a slash. */
	char *prefix;
	size_t prefix_length;
	/* Paths, from the root on, of directories that are still to be read. */
	char **pending;
	size_t pending_count;
	size_t pending_capacity;
	/* The entries of the tree in walk begin here. */
	size_t first;
	bool no_memory;
};

/* "a/b" of "a" and "b", or "b" of "" and "b"; NULL when memory ran out. */
static char *join(struct tree *tree, const char *directory, const char *name)
{
	size_t left = strlen(directory);
	size_t right = strlen(name);
	char *path = malloc(left + right + 2);
	if (path == NULL) {
		tree->no_memory = true;
		return NULL;
	}
	memcpy(path, directory, left);
	if (left != 0) {
		path[left++] = '/';
	}
	memcpy(path + left, name, right + 1);
	return path;
}

/* The path, for others, of what lies at path from the root on. */
static char *full_path(struct tree *tree, const char *path)
{
	size_t size = strlen(path) + 1;
	char *full = malloc(tree->prefix_length + size);
	if (full == NULL) {
		tree->no_memory = true;
		return NULL;
	}
	memcpy(full, tree->prefix, tree->prefix_length);
	memcpy(full + tree->prefix_length, path, size);
	return full;
}

static void add_failure(struct tree *tree, const char *path, const struct g2s_error *err)
{
	if (!append_failure(tree->walk, full_path(tree, path), err)) {
		tree->no_memory = true;
	}
}

static void fail_at(struct tree *tree, const char *path, const char *what, int why)
{
	struct g2s_error err;
	(void)g2s_fail(&err, G2S_ERR_READ, 0, "%s: %s", what, strerror(why));
	add_failure(tree, path, &err);
}

/*
 * True, and noted, when a path is longer than what the kernel takes: nobody can start a program
 * by it, and a tree that goes down without an end has one here.  What is shorter stands whole in
 * the stream.
 */
static bool is_too_long(struct tree *tree, const char *path)
{
	struct g2s_error err;
	if (tree->prefix_length + strlen(path) < PATH_MAX) {
		return false;
	}
	(void)g2s_fail(&err, G2S_ERR_READ, 0, "its path is longer than %d bytes", PATH_MAX - 1);
	add_failure(tree, path, &err);
	return true;
}

/*
 * Kinds of file systems (linux/magic.h) that are the kernel's own: there is nothing on a disk
 * behind their files, no program among them, and to read one may do something or never end.
 */
static bool is_kernel_s_own(int fd)
{
	static const uint32_t kinds[] = {
		0x00009fa0, 0x62656572, 0x64626720, /* proc sysfs debugfs */
		0x74726163, 0x73636673, 0x0027e0eb, /* tracefs securityfs cgroup */
		0x63677270, 0xcafe4a11, 0x6165676c, /* cgroup2 bpf pstore */
		0xde5e81e4, 0x62656570, 0xf97cff8c, /* efivarfs configfs selinuxfs */
		0x43415d53, 0x00001cd1, 0x42494e4d, /* smackfs devpts binfmt_misc */
		0x65735543, 0x19800202, 0x6e736673, /* fusectl mqueue nsfs */
		0x07655821, 0xabba1974,             /* resctrl xenfs */
	};
	struct statfs fs;
	if (fstatfs(fd, &fs) != 0) {
		return false;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((uint32_t)fs.f_type == kinds[i]) {
			return true;
		}
	}
	return false;
}

/*
 * True when a file that begins with these bytes is an ELF file that may be executed, or a damaged
 * one.  Object files and core dumps are neither, whichever byte order the kernel of a machine
 * would read them in.
 */
static bool is_program(const unsigned char *head, size_t size)
{
	if (size < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0) {
		return false;
	}
	if (size < EI_NIDENT + 2 ||
	    (head[EI_DATA] != ELFDATA2LSB && head[EI_DATA] != ELFDATA2MSB)) {
		return true;
	}
	unsigned low = head[head[EI_DATA] == ELFDATA2LSB ? EI_NIDENT : EI_NIDENT + 1];
	unsigned high = head[head[EI_DATA] == ELFDATA2LSB ? EI_NIDENT + 1 : EI_NIDENT];
	unsigned type = high << 8 | low;
	return type != ET_REL && type != ET_CORE;
}

/* Looks at a regular file; path is its path from the root on, device that of its directory. */
static void look_at_file(struct tree *tree, int directory, dev_t device, const char *name,
                         const char *path)
{
	int fd = openat(directory, name, OPEN_FLAGS);
	if (fd < 0) {
		fail_at(tree, path, "cannot open", errno);
		return;
	}
	unsigned char head[EI_NIDENT + 2];
	struct stat st;
	ssize_t got = -1;
	int why = 0;
	if (fstat(fd, &st) != 0) {
		why = errno;
	} else if (!S_ISREG(st.st_mode) || st.st_size == 0 ||
	           (st.st_dev != device && is_kernel_s_own(fd))) {
		got = 0;
	} else {
		got = pread(fd, head, sizeof(head), 0);
		why = errno;
	}
	close(fd);
	if (got < 0) {
		fail_at(tree, path, "cannot read", why);
	} else if (is_program(head, (size_t)got)) {
		if (is_too_long(tree, path)) {
			return;
		}
		struct walk_file *file = append(tree->walk, full_path(tree, path));
		if (file == NULL) {
			tree->no_memory = true;
			return;
		}
		file->tree = tree->root;
		file->below = tree->prefix_length;
		identify(file, &st);
	}
}

/* Puts a directory on the list of those to read; takes path over. */
static void push_directory(struct tree *tree, char *path)
{
	if (is_too_long(tree, path)) {
		free(path);
	} else if (!g2s_grow(&tree->pending, &tree->pending_capacity, tree->pending_count + 1,
	                     sizeof(tree->pending[0]))) {
		tree->no_memory = true;
		free(path);
	} else {
		tree->pending[tree->pending_count++] = path;
	}
}

/* DT_REG, DT_DIR or another, for an entry of a directory. */
static unsigned char kind_of(int directory, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_type != DT_UNKNOWN) {
		return entry->d_type;
	}
	/* What cannot be looked at is tried as a file, and is named by that. */
	if (fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    S_ISREG(st.st_mode)) {
		return DT_REG;
	}
	return S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static void look_at_entry(struct tree *tree, int directory, dev_t device, const char *path,
                          const struct dirent *entry)
{
	const char *name = entry->d_name;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		return;
	}
	unsigned char kind = kind_of(directory, entry);
	if (kind != DT_REG && kind != DT_DIR) {
		return;
	}
	char *joined = join(tree, path, name);
	if (joined == NULL) {
		return;
	}
	if (kind == DT_DIR) {
		push_directory(tree, joined);
		return;
	}
	look_at_file(tree, directory, device, name, joined);
	free(joined);
}

/* Reads one directory; path is its path from the root on. */
static void read_directory(struct tree *tree, const char *path)
{
	struct stat st;
	int fd = open_below(tree->root, path, OPEN_FLAGS | O_DIRECTORY);
	if (fd < 0) {
		fail_at(tree, path, "cannot open", errno);
		return;
	}
	DIR *directory = NULL;
	if (is_kernel_s_own(fd)) {
		close(fd);
		return;
	}
	if (fstat(fd, &st) != 0 || (directory = fdopendir(fd)) == NULL) {
		fail_at(tree, path, "cannot read", errno);
		close(fd);
		return;
	}
	while (!tree->no_memory) {
		errno = 0;
		const struct dirent *entry = readdir(directory);
		if (entry == NULL) {
			if (errno != 0) {
				fail_at(tree, path, "cannot read", errno);
			}
			break;
		}
		look_at_entry(tree, fd, st.st_dev, path, entry);
	}
	closedir(directory);
}

static int compare_paths(const void *left, const void *right)
{
	const struct walk_file *a = left;
	const struct walk_file *b = right;
	return strcmp(a->path, b->path);
}

/* Reads the tree from its root on. */
static void read_tree(struct tree *tree)
{
	char *path = join(tree, "", "");
	while (path != NULL && !tree->no_memory) {
		if (tree->progress != NULL) {
			progress_show(tree->progress, tree->walk->count, 0, path);
		}
		read_directory(tree, path);
		free(path);
		path = NULL;
		if (tree->pending_count != 0) {
			path = tree->pending[--tree->pending_count];
		}
	}
	free(path);
	while (tree->pending_count != 0) {
		free(tree->pending[--tree->pending_count]);
	}
	free(tree->pending);
}

/* The root's own path, for messages: without slashes at its end, unless it is nothing else. */
static size_t name_length(const char *directory)
{
	size_t length = strlen(directory);
	while (length > 1 && directory[length - 1] == '/') {
		length--;
	}
	return length;
}

/* Opens the root, which may be a link: it was named by the user.  False with errno. */
static bool open_root(struct walk *walk, const char *directory, int *root)
{
	if (!g2s_grow(&walk->trees, &walk->tree_capacity, walk->tree_count + 1,
	              sizeof(walk->trees[0]))) {
		errno = ENOMEM;
		return false;
	}
	*root = open(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	if (*root < 0) {
		return false;
	}
	walk->trees[walk->tree_count++] = *root;
	return true;
}

bool walk_tree(struct walk *walk, const char *directory, struct progress *progress)
{
	size_t length = name_length(directory);
	struct tree tree = {.walk = walk, .progress = progress, .first = walk->count};
	struct g2s_error err;
	bool done = false;
	tree.prefix = malloc(length + 2);
	if (tree.prefix == NULL) {
		return false;
	}
	memcpy(tree.prefix, directory, length);
	tree.prefix[length] = '\0';
	if (!open_root(walk, directory, &tree.root)) {
		(void)g2s_fail(&err, G2S_ERR_READ, 0, "cannot open: %s", strerror(errno));
		done = append_failure(walk, strdup(tree.prefix), &err);
		goto end;
	}
	tree.prefix_length = length;
	if (length == 0 || directory[length - 1] != '/') {
		tree.prefix[tree.prefix_length++] = '/';
		tree.prefix[tree.prefix_length] = '\0';
	}
	read_tree(&tree);
	if (tree.no_memory) {
		goto end;
	}
	if (walk->count == tree.first) {
		(void)g2s_fail(&err, G2S_ERR_READ, 0, "no program found in it");
		done = append_failure(walk, strndup(directory, length), &err);
		goto end;
	}
	qsort(walk->files + tree.first, walk->count - tree.first, sizeof(walk->files[0]),
	      compare_paths);
	done = true;
end:
	free(tree.prefix);
	return done;
}
