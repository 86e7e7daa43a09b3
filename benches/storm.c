/*
 * Storms of one kind of system call, for measuring what a call costs.
 *
 *   storm open|connect|exec|thread THREADS COUNT
 *
 * Each of THREADS threads does it COUNT times. Prints the number of operations and the seconds
 * that all of them took together, measured in here: what comes before and after does not count.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static char *self;
static long count;
static pthread_barrier_t barrier;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* An existing file, found through two directories. */
static void open_file(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("open");
	close(fd);
}

/* A datagram socket: connect(2) sets an address and sends nothing. */
static void connect_socket(void)
{
	static _Thread_local int fd = -1;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 && (fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		fail("socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to))
		fail("connect");
}

/* This program, which ends at once when it has no arguments. */
static void execute(void)
{
	char *argv[] = { self, NULL };
	pid_t pid;
	int status;
	if (posix_spawn(&pid, self, NULL, NULL, argv, environ))
		fail("posix_spawn");
	if (waitpid(pid, &status, 0) != pid || status)
		fail("waitpid");
}

static void *nothing(void *arg)
{
	return arg;
}

static void make_thread(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, nothing, NULL))
		fail("pthread_create");
	pthread_join(thread, NULL);
}

static void (*operation(const char *name))(void)
{
	if (!strcmp(name, "open"))
		return open_file;
	if (!strcmp(name, "connect"))
		return connect_socket;
	if (!strcmp(name, "exec"))
		return execute;
	if (!strcmp(name, "thread"))
		return make_thread;
	fprintf(stderr, "no storm is called %s\n", name);
	exit(2);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

/* What one thread does, and when. */
struct part {
	pthread_t thread;
	void (*once)(void);
	double begin, end;
};

static void *work(void *arg)
{
	struct part *part = arg;
	part->once();
	pthread_barrier_wait(&barrier);
	part->begin = now();
	for (long i = 0; i < count; i++)
		part->once();
	part->end = now();
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return 0;
	if (argc != 4) {
		fputs("usage: storm open|connect|exec|thread THREADS COUNT\n", stderr);
		return 2;
	}
	self = "/proc/self/exe";
	void (*once)(void) = operation(argv[1]);
	int threads = atoi(argv[2]);
	count = atol(argv[3]);
	struct part *parts = calloc(threads, sizeof *parts);
	if (threads < 1 || !parts)
		fail("threads");
	pthread_barrier_init(&barrier, NULL, threads);
	for (int i = 0; i < threads; i++) {
		parts[i].once = once;
		if (pthread_create(&parts[i].thread, NULL, work, &parts[i]))
			fail("pthread_create");
	}
	double begin = 0, end = 0;
	for (int i = 0; i < threads; i++) {
		pthread_join(parts[i].thread, NULL);
		if (i == 0 || parts[i].begin < begin)
			begin = parts[i].begin;
		if (parts[i].end > end)
			end = parts[i].end;
	}
	printf("%ld %.9f\n", threads * count, end - begin);
	return 0;
}
