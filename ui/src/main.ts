// Asks the host who it is, then shows the page in the user's language.
import { mount } from 'svelte';
import App from './App.svelte';
import { desktop } from './lib/host';
import { choose } from './lib/i18n/catalogues';
import { words } from './lib/i18n/words.svelte';
import './lib/theme/tokens.css';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');

const answer = await desktop.about().then(
  (about) => ({ props: { version: about.version }, languages: about.languages }),
  (problem: unknown) => ({
    props: { reason: problem instanceof Error ? problem.message : String(problem) },
    languages: navigator.languages,
  }),
);
words.locale = choose(answer.languages);
document.documentElement.lang = words.locale;
mount(App, { target, props: answer.props });
