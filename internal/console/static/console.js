// What the pages gain by JavaScript. Each of them works without.
'use strict';

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// A page out of the back/forward cache may show what is no longer so, or to somebody who is signed out.
addEventListener('pageshow', event => { if (event.persisted) location.reload(); });

// Dialogs: the main part of the page behind a link, opened over this one.
let dialog;

function openDialog(body) {
	dialog?.remove();
	dialog = document.createElement('dialog');
	dialog.append(body);
	dialog.setAttribute('aria-labelledby', body.getAttribute('aria-labelledby') ?? '');
	document.body.append(dialog);
	dialog.addEventListener('click', event => {
		if (event.target === dialog || event.target.closest('[data-close]')) {
			event.preventDefault();
			dialog.close();
		}
	});
	enhance(dialog);
	dialog.showModal();
}

async function fetchPage(url, options) {
	const answer = await fetch(url, { headers: { Accept: 'text/html' }, ...options });
	if (answer.redirected && new URL(answer.url).pathname.endsWith('/sign-in')) location.reload();
	return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

async function followInDialog(link) {
	try {
		const body = (await fetchPage(link.href)).querySelector('[data-dialog-body]');
		if (body) return openDialog(document.adoptNode(body));
	} catch { /* then as without JavaScript */ }
	location.href = link.href;
}

document.addEventListener('click', event => {
	const link = event.target.closest('a[data-dialog]');
	if (link && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
		event.preventDefault();
		link.closest('details[data-menu]')?.removeAttribute('open');
		followInDialog(link);
	}
	for (const menu of all('details[data-menu][open]')) {
		if (!menu.contains(event.target)) menu.removeAttribute('open');
	}
});

// Copying.
function toast(text) {
	const note = document.createElement('div');
	note.className = 'toast';
	note.setAttribute('role', 'status');
	note.textContent = text;
	(dialog?.open ? dialog : document.body).append(note);
	setTimeout(() => note.remove(), 2400);
}

async function copy(button) {
	const source = document.querySelector(button.dataset.copy);
	const label = button.querySelector('[data-copy-label]');
	try {
		await navigator.clipboard.writeText(source.value ?? source.textContent);
	} catch {
		getSelection().selectAllChildren(source);
		toast('Not allowed to copy: the text is selected, copy it by hand.');
		return;
	}
	const before = label.dataset.before ??= label.textContent;
	label.textContent = 'Copied';
	button.classList.add('did');
	button.dispatchEvent(new CustomEvent('copied', { bubbles: true }));
	setTimeout(() => { label.textContent = before; button.classList.remove('did'); }, 1600);
}

document.addEventListener('click', event => {
	const button = event.target.closest('[data-copy]');
	if (button) copy(button);
});

// Keys.
let row = -1;

function moveRow(by) {
	const rows = all('tbody tr:has(.row-link)');
	if (!rows.length) return;
	row = Math.max(0, Math.min(rows.length - 1, row + by));
	rows.forEach((r, i) => r.classList.toggle('at', i === row));
	rows[row].querySelector('.row-link').focus();
	rows[row].scrollIntoView({ block: 'nearest' });
}

function showKeys() {
	const body = document.createElement('section');
	body.className = 'ask';
	body.setAttribute('aria-labelledby', 'keys-title');
	const title = Object.assign(document.createElement('h1'), { id: 'keys-title', textContent: 'Keys' });
	const list = Object.assign(document.createElement('dl'), { className: 'keys' });
	for (const [key, what] of [['/', 'Search'], ['n', 'New'], ['j  k', 'Next and previous row'], ['Enter', 'Open the row'], ['x', 'Select the row'], ['?', 'This list']]) {
		const term = document.createElement('dt');
		term.append(Object.assign(document.createElement('kbd'), { textContent: key }));
		list.append(term, Object.assign(document.createElement('dd'), { textContent: what }));
	}
	const close = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Close' });
	close.dataset.close = '';
	const actions = Object.assign(document.createElement('div'), { className: 'ask-actions' });
	actions.append(close);
	body.append(title, list, actions);
	openDialog(body);
}

document.addEventListener('keydown', event => {
	if (event.ctrlKey || event.metaKey || event.altKey || dialog?.open) return;
	if (event.key === 'Escape') return all('details[data-menu][open]').forEach(menu => { menu.removeAttribute('open'); menu.querySelector('summary').focus(); });
	if (event.target.closest('input:not([type=checkbox], [type=radio]), textarea, select')) return;
	const act = {
		'/': () => document.querySelector('input[type=search]')?.focus(),
		'n': () => document.querySelector('[data-key="n"]')?.click(),
		'j': () => moveRow(1),
		'k': () => moveRow(-1),
		'x': () => document.activeElement.closest('tr')?.querySelector('input[type=checkbox]')?.click(),
		'?': showKeys,
	}[event.key];
	if (act) { event.preventDefault(); act(); }
});

// What is done to a part of a page once it is there.
function enhance(part) {
	for (const button of all('[data-copy]', part)) button.hidden = false;
}
enhance(document);
